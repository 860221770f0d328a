//! Equations 1-7 and Algorithm 2 of the paper, in MathML.
//!
//! They are the paper's, with two differences in letters only: vectors are not bold, and in Algorithm 2 the parameters of
//! Q and V are φ and η as in Eq. 6 and 7 (the algorithm prints them the other way round).

use diar_core::agent::Phase;

use super::mathml::{
    absolute, accent, display, id, latent, math, number, op, quality, revaluation, round, row, square, sub,
    sub_sup, sup, under, under_over, upright,
};
use super::parts::{
    candidate, data, diffusion, drawn, end, last, mean, now, of, policy, q, q_of, reward, s, state_decoder,
    t, theta, v, v_of, window, z, z_at,
};

/// An equation of the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    /// Its number.
    pub number: usize,
    /// What it is.
    pub title: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// The equation as an element of HTML.
    pub html: String,
}

/// A line of Algorithm 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the paper.
    pub number: usize,
    /// How deep it is nested.
    pub depth: usize,
    /// The part of a decision it belongs to.
    pub phase: Option<Phase>,
    /// The line as inline HTML.
    pub html: String,
}

/// The id of the first line of a part of a decision.
pub fn line_id(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Sample => Some("alg2-sample"),
        Phase::Rank => Some("alg2-rank"),
        Phase::Predict => Some("alg2-predict"),
        Phase::Compare => Some("alg2-compare"),
        Phase::Follow => Some("alg2-follow"),
        Phase::Done => None,
    }
}

/// Equations 1-7.
pub fn equations() -> Vec<Equation> {
    let encoder =
        of("q", theta("E"), &[z(), op("|"), sub(id("s"), window()), op(","), sub(id("a"), window())]);
    let prior = of("p", theta("S"), &[z(), op("|"), s(t())]);
    let next = || latent(sub_sup(id("z"), end(), op("′")));
    let noisy = || latent(sup(id("z"), id("j")));
    let pair = || round(&[id("s"), op(","), id("a")]);
    let from_noisy =
        row(&[noisy(), op("∼"), of("μ", id("ψ"), &[noisy(), op("|"), latent(sup(id("z"), number("0")))])]);
    let expectile = || sub_sup(id("L"), id("τ"), number("2"));
    vec![
        Equation {
            number: 1,
            title: "The β-VAE",
            meaning: "A window of the data becomes a latent z, from which its actions can be told again; β keeps z close \
                      to what the first state alone would suggest. This is made as large as possible.",
            html: display(
                "L of theta equals the expectation over the data of: the expectation over the encoder of the sum over a \
                 window of the log-likelihood of each action given its state and z, minus beta times the K L divergence \
                 of the encoder from the state prior",
                &[
                    &[
                        upright("ℒ"),
                        round(&[id("θ")]),
                        op("="),
                        mean(data()),
                        op("["),
                        mean(sub(id("q"), theta("E"))),
                        square(&[
                            under_over(
                                op("∑"),
                                row(&[id("i"), op("="), t()]),
                                row(&[t(), op("+"), id("H"), op("−"), number("1")]),
                            ),
                            upright("log"),
                            policy(id("i"), z()),
                        ]),
                    ],
                    &[
                        op("−"),
                        id("β"),
                        sub(id("D"), upright("KL")),
                        round(&[encoder, op("∥"), prior]),
                        op("]"),
                    ],
                ],
            ),
        },
        Equation {
            number: 2,
            title: "The diffusion model",
            meaning: "Noise is mixed into a latent, and a network learns to tell from the noisy one what it was. Step by \
                      step it can then make latents from nothing but noise.",
            html: display(
                "L of psi equals the expectation of the squared distance between z t and mu psi of z j, s t and j, where j \
                 is a step from 1 to T, s and a come from the data, z t from the encoder, and z j is z 0 with noise",
                &[
                    &[
                        upright("ℒ"),
                        round(&[id("ψ")]),
                        op("="),
                        mean(row(&[id("j"), op(","), pair(), op(","), z_at(t()), op(","), noisy()])),
                        round(&[sup(
                            row(&[
                                op("∥"),
                                z_at(t()),
                                op("−"),
                                of("μ", id("ψ"), &[noisy(), op(","), s(t()), op(","), id("j")]),
                                op("∥"),
                            ]),
                            number("2"),
                        )]),
                        op(","),
                    ],
                    &[
                        row(&[id("j"), op("∼"), square(&[number("1"), op(","), id("T")])]),
                        op(","),
                        row(&[pair(), op("∼"), data()]),
                        op(","),
                        row(&[
                            z_at(t()),
                            op("∼"),
                            of("q", id("φ"), &[z(), op("|"), id("s"), op(","), id("a")]),
                        ]),
                        op(","),
                        from_noisy,
                    ],
                ],
            ),
        },
        Equation {
            number: 3,
            title: "Q-learning over latents",
            meaning: "What a plan is worth: its rewards, and what the best plan after it would be worth. This is what DIAR \
                      starts from; Eq. 6 and 7 take its place.",
            html: display(
                "Q of s t and z t moves by alpha times: the reward of the window, plus gamma times the largest Q of s t plus \
                 H over latents z prime from the diffusion model, minus Q of s t and z t",
                &[
                    &[q(s(t()), z_at(t())), op("←"), q(s(t()), z_at(t()))],
                    &[
                        op("+"),
                        id("α"),
                        square(&[
                            reward(),
                            op("+"),
                            id("γ"),
                            under(upright("max"), row(&[next(), op("∼"), sub(id("μ"), id("ψ"))])),
                            q(s(end()), next()),
                            op("−"),
                            q(s(t()), z_at(t())),
                        ]),
                    ],
                ],
            ),
        },
        Equation {
            number: 4,
            title: "Acting",
            meaning: "Of the latents that the diffusion model draws, the one with the largest Q goes to the policy decoder.",
            html: display(
                "pi of s t equals pi theta of a t given the latent with the largest Q of s t and z i, over latents z i from \
                 the diffusion model given s t",
                &[&[
                    id("π"),
                    round(&[s(t())]),
                    op("="),
                    of(
                        "π",
                        id("θ"),
                        &[
                            sub(id("a"), t()),
                            op("|"),
                            under(upright("arg max"), row(&[z_at(id("i")), op("∼"), diffusion(s(t()))])),
                            q(s(t()), z_at(id("i"))),
                        ],
                    ),
                ]],
            ),
        },
        Equation {
            number: 5,
            title: "The expectile loss",
            meaning: "A square that weighs differences above zero by τ and those below by 1 − τ. With τ = 0.9 it settles \
                      near the better outcomes instead of at the mean.",
            html: display(
                "L tau squared of u equals the absolute value of tau minus 1 if u is less than 0, times u squared",
                &[&[
                    expectile(),
                    round(&[id("u")]),
                    op("="),
                    absolute(&[id("τ"), op("−"), upright("𝕀"), round(&[id("u"), op("&lt;"), number("0")])]),
                    sup(id("u"), number("2")),
                ]],
            ),
        },
        Equation {
            number: 6,
            title: "Learning V",
            meaning: "V of a state moves towards the better ones among the Q of latents that the diffusion model draws there.",
            html: display(
                "L V of eta equals the expectation, over states s t from the data and latents z tilde t from the diffusion \
                 model, of the expectile loss of: target Q of s t and z tilde t, minus V of s t",
                &[&[
                    sub(id("L"), id("V")),
                    round(&[id("η")]),
                    op("="),
                    mean(row(&[s(t()), op("∼"), data(), op(","), drawn(), op("∼"), sub(data(), id("ψ"))])),
                    square(&[
                        expectile(),
                        round(&[q_of(accent(id("φ"), "^"), s(t()), drawn()), op("−"), v_of(s(t()))]),
                    ]),
                ]],
            ),
        },
        Equation {
            number: 7,
            title: "Learning Q",
            meaning: "Q of a window of the data moves towards its rewards and the V of where it ended.",
            html: display(
                "L Q of phi equals the expectation over windows of the data of the square of: the reward of the window, plus \
                 gamma times V of s t plus H, minus Q of s t and z t",
                &[
                    &[
                        sub(id("L"), id("Q")),
                        round(&[id("φ")]),
                        op("="),
                        mean(row(&[
                            round(&[s(t()), op(","), z_at(t()), op(","), reward(), op(","), s(end())]),
                            op("∼"),
                            data(),
                        ])),
                    ],
                    &[square(&[sup(
                        round(&[
                            reward(),
                            op("+"),
                            id("γ"),
                            v_of(s(end())),
                            op("−"),
                            q_of(id("φ"), s(t()), z_at(t())),
                        ]),
                        number("2"),
                    )])],
                ],
            ),
        },
    ]
}

/// Algorithm 2, line by line.
pub fn algorithm_2() -> Vec<Line> {
    let env = || upright("Env");
    let chosen = || candidate(id("i"));
    let inputs = [
        math("Q of s and a", &[quality(row(&[id("Q"), round(&[id("s"), op(","), id("a")])]))]),
        math("V of s", &[v(id("s"))]),
        math(
            "pi theta D of a given s and z",
            &[of("π", theta("D"), &[id("a"), op("|"), id("s"), op(","), z()])],
        ),
        math("f theta of s t plus H given s t and z t", &[state_decoder(z_at(t()))]),
        math("mu psi of z given s", &[diffusion(id("s"))]),
        math("H", &[id("H")]),
        math("T", &[id("T")]),
        math("n", &[id("n")]),
        math("z", &[z()]),
    ];
    let [q_net, v_net, policy_net, state_net, diffusion_net, horizon, steps, count, z_net] = inputs;
    let all = |first: String, second: String, last: String| {
        row(&[first, op(","), second, op(","), op("…"), op(","), last])
    };
    let zero = || candidate(number("0"));
    let one = || candidate(number("1"));
    let name = |word: &str| format!("<i>{word}</i>");
    let key = |word: &str| format!("<b>{word}</b>");
    let body = [
        (
            0,
            format!(
                "{} environment {}, Q-network {q_net}, value network {v_net}, policy decoder {policy_net}, state decoder \
             {state_net}, diffusion model {diffusion_net}, horizon {horizon}, most steps {steps}, number of latents {count}, \
             latent {z_net}",
                key("Input:"),
                name("Env"),
            ),
        ),
        (0, math("t becomes 0", &[t(), op("←"), number("0")])),
        (0, math("done becomes false", &[upright("done"), op("←"), upright("False")])),
        (0, format!("{} {} {}", key("while not"), name("done"), key("do"))),
        (1, math("s t comes from the environment", &[s(t()), op("←"), env()])),
        (
            1,
            math(
                "n latents z t are drawn from mu psi of z given s",
                &[all(zero(), one(), candidate(last())), op("←"), diffusion(id("s"))],
            ),
        ),
        (
            1,
            math(
                "Q of s t and each of them, from the Q-network",
                &[
                    all(q(s(t()), zero()), q(s(t()), one()), q(s(t()), candidate(last()))),
                    op("←"),
                    q_of(id("φ"), id("s"), z()),
                ],
            ),
        ),
        (
            1,
            math(
                "z t i is the one of them with the largest Q",
                &[
                    chosen(),
                    op("←"),
                    sub(upright("arg max"), chosen()),
                    q(s(t()), chosen()),
                    op(","),
                    chosen(),
                    op("∈"),
                    op("{"),
                    all(zero(), one(), candidate(last())),
                    op("}"),
                ],
            ),
        ),
        (
            1,
            math(
                "s t plus H is predicted by the state decoder from s t and z t i",
                &[s(end()), op("←"), state_decoder(chosen())],
            ),
        ),
        (1, math("V of s t plus H, from the value network", &[v(s(end())), op("←"), v_of(id("s"))])),
        (1, math("h becomes 0", &[id("h"), op("←"), number("0")])),
        (
            1,
            format!(
                "{} {} {}",
                key("for"),
                math("h less than H", &[id("h"), op("&lt;"), id("H")]),
                key("do"),
            ),
        ),
        (2, math("s t plus h comes from the environment", &[s(now()), op("←"), env()])),
        (2, math("V of s t plus h, from the value network", &[v(s(now())), op("←"), v_of(id("s"))])),
        (
            2,
            format!(
                "{} {} {}",
                key("if"),
                math(
                    "V of s t plus H is less than V of s t plus h",
                    &[revaluation(row(&[v(s(end())), op("&lt;"), v(s(now())),]))]
                ),
                key("then"),
            ),
        ),
        (3, r#"<b class="m-break">break</b>"#.into()),
        (2, key("end")),
        (2, key("else")),
        (
            3,
            math(
                "a t plus h is drawn from the policy decoder, given s t plus h and z t i",
                &[sub(id("a"), now()), op("←"), policy(now(), chosen())],
            ),
        ),
        (3, format!("Execute action {}", math("a t plus h", &[sub(id("a"), now())]))),
        (3, format!("Update {} by {}", name("done"), name("Env"))),
        (3, math("h becomes h plus 1", &[id("h"), op("←"), id("h"), op("+"), number("1")])),
        (2, key("end")),
        (1, key("end")),
        (1, math("t becomes t plus h", &[t(), op("←"), t(), op("+"), id("h")])),
        (0, key("end")),
    ];
    body.into_iter()
        .zip(1..)
        .map(|((depth, html), number)| Line { number, depth, phase: phase(number), html })
        .collect()
}

/// The part of a decision that a line of Algorithm 2 belongs to.
fn phase(line: usize) -> Option<Phase> {
    match line {
        6 => Some(Phase::Sample),
        7 | 8 => Some(Phase::Rank),
        9 | 10 => Some(Phase::Predict),
        14..=17 => Some(Phase::Compare),
        19..=22 => Some(Phase::Follow),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::mathml::{balanced, characters};
    use super::*;

    #[test]
    fn equations_read_as_in_the_paper() {
        let printed = [
            "ℒ(θ)=𝔼𝒟[𝔼qθE[∑i=tt+H−1logπθD(ai|si,z)]−βDKL(qθE(z|st:t+H,at:t+H)∥pθS(z|st))]",
            "ℒ(ψ)=𝔼j,(s,a),zt,zj(∥zt−μψ(zj,st,j)∥2),j∼[1,T],(s,a)∼𝒟,zt∼qφ(z|s,a),zj∼μψ(zj|z0)",
            "Q(st,zt)←Q(st,zt)+α[rt:t+H+γmaxzt+H′∼μψQ(st+H,zt+H′)−Q(st,zt)]",
            "π(st)=πθ(at|arg maxzi∼μψ(z|st)Q(st,zi))",
            "Lτ2(u)=|τ−𝕀(u<0)|u2",
            "LV(η)=𝔼st∼𝒟,z~t∼𝒟ψ[Lτ2(Qφ^(st,z~t)−Vη(st))]",
            "LQ(φ)=𝔼(st,zt,rt:t+H,st+H)∼𝒟[(rt:t+H+γVη(st+H)−Qφ(st,zt))2]",
        ];
        let equations = equations();
        assert_eq!(equations.len(), printed.len());
        for (index, (equation, printed)) in equations.iter().zip(printed).enumerate() {
            assert_eq!(equation.number, index + 1);
            assert_eq!(characters(&equation.html), printed);
            assert!(balanced(&equation.html), "{}", equation.html);
        }
    }

    #[test]
    fn algorithm_2_reads_as_in_the_paper() {
        let printed = [
            "t←0",
            "done←False",
            "while not done do",
            "st←Env",
            "zt0,zt1,…,ztn−1←μψ(z|s)",
            "Q(st,zt0),Q(st,zt1),…,Q(st,ztn−1)←Qφ(s,z)",
            "zti←arg maxztiQ(st,zti),zti∈{zt0,zt1,…,ztn−1}",
            "st+H←fθ(st+H|st,zti)",
            "V(st+H)←Vη(s)",
            "h←0",
            "for h<H do",
            "st+h←Env",
            "V(st+h)←Vη(s)",
            "if V(st+H)<V(st+h) then",
            "break",
            "end",
            "else",
            "at+h←πθD(at+h|st+h,zti)",
            "Execute action at+h",
            "Update done by Env",
            "h←h+1",
            "end",
            "end",
            "t←t+h",
            "end",
        ];
        let lines = algorithm_2();
        assert_eq!(lines.len(), 26);
        for (line, printed) in lines[1..].iter().zip(printed) {
            assert_eq!(characters(&line.html), printed, "line {}", line.number);
        }
        assert!(lines.iter().all(|line| balanced(&line.html)));
        // Every block that opens is closed at the depth where it began.
        let blocks = [(4, 26), (12, 24), (15, 17), (18, 23)];
        assert!(blocks.iter().all(|&(from, to)| lines[from - 1].depth == lines[to - 1].depth));
    }

    #[test]
    fn every_part_of_a_decision_has_its_lines() {
        let lines = algorithm_2();
        let of = |phase| lines.iter().filter(move |line| line.phase == Some(phase)).map(|line| line.number);
        assert_eq!(of(Phase::Rank).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(of(Phase::Compare).collect::<Vec<_>>(), [14, 15, 16, 17]);
        for phase in [Phase::Sample, Phase::Rank, Phase::Predict, Phase::Compare, Phase::Follow] {
            assert!(of(phase).count() > 0 && line_id(phase).is_some());
        }
    }

    #[test]
    fn parts_carry_the_colour_of_what_they_are() {
        let seven = &equations()[6].html;
        for class in ["m-value", "m-q", "m-latent"] {
            assert!(seven.contains(&format!("class=\"{class}\"")), "{class}");
        }
        let line = &algorithm_2()[14].html;
        assert_eq!((line.matches("m-value").count(), line.matches("m-break").count()), (2, 1));
    }
}
