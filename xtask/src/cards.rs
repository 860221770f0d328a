//! One page for each task, so that a link shows as what it leads to where it is shared. They differ in title, description
//! and picture, and in the task they open with; a static host needs no more.

use anyhow::Result;

use crate::text::replaced;

/// Where the pictures lie, in the page.
pub(crate) const FOLDER: &str = "assets/cards/";

/// A page of the site.
pub(crate) struct Page {
    /// Its name.
    pub file: &'static str,
    task: &'static str,
    title: &'static str,
    description: &'static str,
    card: &'static str,
}

/// The entry, whose words are those of `index.html`, and the other tasks.
pub(crate) const PAGES: [Page; 3] = [
    Page {
        file: "index.html",
        task: "maze2d-umaze-v1",
        title: "DIAR · watch an agent change its mind",
        description: "An offline-RL agent that samples plans with a diffusion model, follows the best one, and drops it when the world turns out better. It decides in your browser, on WebGPU or the CPU.",
        card: "umaze.png",
    },
    Page {
        file: "medium.html",
        task: "maze2d-medium-v1",
        title: "DIAR in the medium maze",
        description: "The agent plans its way through D4RL's medium maze, and drops a plan when the world turns out better. It decides in your browser, on WebGPU or the CPU.",
        card: "medium.png",
    },
    Page {
        file: "large.html",
        task: "maze2d-large-v1",
        title: "DIAR in the large maze",
        description: "The agent plans its way through D4RL's large maze, the longest of the three, and drops a plan when the world turns out better. It decides in your browser, on WebGPU or the CPU.",
        card: "large.png",
    },
];

impl Page {
    /// This page, made from the entry. Sites that show pictures want absolute addresses: `url` is that of the site.
    pub(crate) fn of(&self, entry: &str, url: Option<&str>) -> Result<String> {
        let [first, ..] = &PAGES;
        let quoted = |text: &str| format!("content=\"{text}\"");
        let card = |card: &str| format!("{FOLDER}{card}");
        let page = replaced(entry, &format!("<title>{}<", first.title), &format!("<title>{}<", self.title))?;
        let page = replaced(&page, &quoted(first.task), &quoted(self.task))?;
        let page = replaced(&page, &quoted(first.title), &quoted(self.title))?;
        let page = page.replace(&quoted(first.description), &quoted(self.description));
        let picture = url.map_or_else(|| card(self.card), |url| format!("{url}{}", card(self.card)));
        replaced(&page, &quoted(&card(first.card)), &quoted(&picture))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = include_str!("../../index.html");

    #[test]
    fn each_page_has_its_own_words_picture_and_task() {
        for page in &PAGES {
            let html = page.of(ENTRY, None).unwrap();
            assert!(html.contains(&format!("<title>{}</title>", page.title)));
            assert!(html.contains(&format!("name=\"diar-task\" content=\"{}\"", page.task)));
            assert_eq!(html.matches(&format!("content=\"{}\"", page.description)).count(), 2);
            assert!(html.contains(&format!("property=\"og:image\" content=\"assets/cards/{}\"", page.card)));
        }
        assert_eq!(PAGES[0].of(ENTRY, None).unwrap(), ENTRY, "the entry is its own");
    }

    #[test]
    fn pictures_have_absolute_addresses_once_the_site_has_one() {
        let html = PAGES[2].of(ENTRY, Some("https://example.org/diar/")).unwrap();
        assert!(html.contains("content=\"https://example.org/diar/assets/cards/large.png\""));
    }

    #[test]
    fn every_picture_is_there_in_the_size_that_is_asked_for() {
        for page in &PAGES {
            let path = format!("{}/../web/{FOLDER}{}", env!("CARGO_MANIFEST_DIR"), page.card);
            let bytes = std::fs::read(&path).expect(&path);
            let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!((&bytes[1..4], number(16), number(20)), (&b"PNG"[..], 1200, 630), "{path}");
        }
    }
}
