//! `diar play` gives a link, `diar replay` the episode back.

use std::process::{Command, Output};

use diar_core::agent::Trace;
use diar_core::link::Link;
use serde_json::Value;

const BUNDLE: &str = "../weights/maze2d-umaze-v1.safetensors";
const OTHER: &str = "../weights/maze2d-medium-v1.safetensors";

fn diar(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diar")).args(arguments).output().unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = diar(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&[arguments, &["--json"]].concat())).unwrap()
}

/// What the last lines are named for.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().rev().find_map(|line| line.strip_prefix(name)).unwrap().trim()
}

/// An episode in a changed maze, with decisions changed by hand.
const SCENARIO: [&str; 16] = [
    "play",
    BUNDLE,
    "--seed",
    "3",
    "--episode",
    "5",
    "--candidates",
    "8",
    "--goal",
    "1,1.4",
    "--toggle",
    "2,2",
    "--take",
    "0:5",
    "--drop",
    "1:2",
];

#[test]
fn a_scenario_is_played_and_replayed() {
    let played = text(&SCENARIO);
    let trace: Trace = serde_json::from_value(json(&SCENARIO)).unwrap();
    assert_eq!(trace.run.scenario.world.toggled, [(2, 2)]);
    assert_eq!(trace.decisions[0].chosen, Some(5));
    assert_eq!(field(&played, "digest"), trace.digest());

    let link = field(&played, "link");
    let address = format!("https://example.org/diar/?x=1{link}");
    let replayed = text(&["replay", &address]);
    assert_eq!(field(&replayed, "digest"), trace.digest());
    assert!(replayed.contains(&format!("goal at step {}", trace.first_contact().unwrap())), "{replayed}");
    let replayed = json(&["replay", link.trim_start_matches('#')]);
    let again: Trace = serde_json::from_value(replayed["trace"].clone()).unwrap();
    assert_eq!((again.state(), again.digest()), (trace.state(), trace.digest()));
    assert!(replayed.get("anew").is_none());
}

#[test]
fn decisions_are_made_anew_and_compared() {
    let played = text(&SCENARIO);
    let mut link = Link::decode(field(&played, "link")).unwrap();
    let count = link.decisions.len();
    let anew = json(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE]);
    assert_eq!(anew["anew"]["agree"], count);
    assert_eq!(anew["anew"]["digest"], anew["digest"]);
    assert_eq!(anew["anew"]["same_bundle"], true);
    let said = text(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE]);
    assert!(said.contains(&format!("{count} of {count} decisions agree")), "{said}");

    // A link whose seed has been changed is another run, in which other decisions are made; its second run is played.
    link.run.start = Some(link.replay().unwrap().start);
    link.run.seed += 1;
    let ours = std::mem::replace(&mut link.bundle, "0123456789abcdef".to_owned());
    let mut settings = link.run.settings.clone();
    settings.plan_mut().unwrap().revalue = false;
    let scenario = link.run.scenario.clone();
    link.other = Some(diar_core::link::Other { bundle: String::new(), settings, scenario });
    let anew = json(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE]);
    assert!(anew["anew"]["agree"].as_u64().unwrap() < count as u64);
    assert_eq!(anew["anew"]["same_bundle"], false);
    let other: Trace = serde_json::from_value(anew["anew"]["other"].clone()).unwrap();
    assert!(
        !other.run.settings.plan().unwrap().revalue
            && other.run.seed == link.run.seed
            && other.run.scenario == link.run.scenario
    );
    let played = anew["anew"]["other"].clone();

    // Decided by other weights, it needs them: the same ones, here, so that the same run comes of it.
    link.other.as_mut().unwrap().bundle = "fedcba9876543210".to_owned();
    let said = text(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE]);
    assert!(said.contains("the bundle fedcba9876543210: give its file with --other"), "{said}");
    let anew = json(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE, "--other", BUNDLE]);
    assert_eq!(anew["anew"]["other"], played);
    let other =
        |link: &Link| text(&["replay", &link.encode().unwrap(), "--bundle", BUNDLE, "--other", BUNDLE]);
    assert!(other(&link).contains("second run was another bundle's"));
    link.other.as_mut().unwrap().bundle = ours;
    assert!(!other(&link).contains("another bundle's"));
}

/// Chats and mail programs put their own marks around an address.
#[test]
fn a_link_is_read_as_it_was_pasted() {
    let played = text(&SCENARIO);
    let (link, digest) = (field(&played, "link"), field(&played, "digest"));
    let address = format!("https://example.org/diar/{link}");
    for pasted in [
        format!("{address}."),
        format!("({address})"),
        format!("<{address}>,"),
        format!("[a run]({address})"),
        format!("\u{201C}{address}\u{201D}"),
        format!("{address}\u{200B}"),
        address.replace('#', "%23"),
        link.replace("v2.", "v2%2E"),
        format!("{}\n{}", &address[..80], &address[80..]),
    ] {
        assert_eq!(field(&text(&["replay", &pasted]), "digest"), digest, "{pasted}");
    }
}

#[test]
fn what_cannot_be_replayed_is_explained() {
    let link = field(&text(&SCENARIO), "link").to_owned();
    for (arguments, part) in [
        (vec!["replay", "nonsense"], "damaged"),
        (vec!["replay", "#v9.AAAA"], "version 9"),
        (vec!["replay", &link[..link.len() - 9]], "damaged"),
        (vec!["replay", "https://example.org/diar/"], "it has no version"),
        (vec!["replay", &link, "--bundle", OTHER], "trained on maze2d-medium-v1"),
        (vec!["play", BUNDLE, "--goal", "2,1"], "does not fit at the goal (2, 1)"),
        (vec!["play", BUNDLE, "--goal", "-3,1"], "does not fit"),
        (vec!["play", BUNDLE, "--goal", "3"], "two numbers with ','"),
        (vec!["play", BUNDLE, "--toggle", "0,1"], "from (1, 1) to (3, 3)"),
        (vec!["play", BUNDLE, "--take", "0:500"], "is 500, expected 0 to 127"),
        (vec!["play", BUNDLE, "--keep", "1", "--keep", "1"], "1 twice"),
    ] {
        let output = diar(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
}
