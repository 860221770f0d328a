//! Finding a link in text, as chats, mail programs and browsers pass it on: with punctuation or words around it,
//! percent-encoded once or more, broken over lines, with characters in it that nobody sees.
//!
//! The checksum decides which characters belong to a link. Nothing is guessed without it.

use super::LinkError;

/// Most pieces that spaces, line breaks and typographic dashes may have cut a link into.
const MOST_PIECES: usize = 1024;
/// Most of `-` and `_` that are taken off the end of a link; both are base64url, but chats put them behind links, too.
const MOST_TRIMMED: usize = 8;
/// Most times that a text is percent-decoded.
const MOST_DECODED: usize = 4;

/// A text as it was meant: percent-encoding and backslashes undone, without invisible characters.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_DECODED {
        let decoded = percent_decoded(&text);
        if decoded == text {
            break;
        }
        text = decoded;
    }
    // A soft line break of quoted-printable mail.
    let text = text.replace("=\r\n", "\n").replace("=\n", "\n");
    text.chars().filter(|&c| !is_invisible(c)).collect()
}

/// Version and contents of the first intact link in a text. `contents` gives those of a version's payload, when it is
/// intact.
pub(super) fn find(
    text: &str,
    contents: impl Fn(u32, &str) -> Result<Vec<u8>, LinkError>,
) -> Result<(u32, Vec<u8>), LinkError> {
    let chars: Vec<char> = plain(text).chars().collect();
    let mut refused = None;
    for begin in 0..chars.len() {
        let Some((version, payload)) = marker(&chars, begin) else { continue };
        match first_intact(&chars[payload..], |payload| contents(version, payload)) {
            Ok(contents) => return Ok((version, contents)),
            // Behind a `#` stands what was meant to be a link; elsewhere it may be the name of a host.
            Err(error) => {
                let meant = begin > 0 && chars[begin - 1] == '#';
                if meant || !matches!(refused, Some((true, _))) {
                    refused = Some((meant, error));
                }
            }
        }
    }
    Err(refused.map_or(LinkError::Damaged("it has no version"), |(_, error)| error))
}

/// The version that begins here (`v2.`), and where its payload begins.
fn marker(chars: &[char], begin: usize) -> Option<(u32, usize)> {
    let inside_word = begin > 0 && chars[begin - 1].is_alphanumeric();
    if inside_word || !matches!(chars[begin], 'v' | 'V') {
        return None;
    }
    let digits: String = chars[begin + 1..].iter().take_while(|c| c.is_ascii_digit()).collect();
    let dot = begin + 1 + digits.len();
    let version = digits.parse().ok().filter(|&version| version > 0)?;
    (chars.get(dot) == Some(&'.')).then_some((version, dot + 1))
}

/// The contents of the shortest beginning that is intact. Gives the trouble of the first piece when none is.
fn first_intact(
    chars: &[char],
    contents: impl Fn(&str) -> Result<Vec<u8>, LinkError>,
) -> Result<Vec<u8>, LinkError> {
    let mut payload = String::new();
    let mut trouble = None;
    let mut rest = chars;
    for _ in 0..MOST_PIECES {
        let length = rest.iter().take_while(|&&c| is_payload(c)).count();
        payload.extend(&rest[..length]);
        rest = &rest[length..];
        let trimmed = payload.trim_end_matches(['-', '_']).len();
        for end in (trimmed..=payload.len()).rev().take(MOST_TRIMMED + 1) {
            match contents(&payload[..end]) {
                Ok(contents) => return Ok(contents),
                Err(error) if trouble.is_none() && !payload.is_empty() => trouble = Some(error),
                Err(_) => {}
            }
        }
        let Some((joint, length)) = joint(rest) else { break };
        payload.push_str(joint);
        rest = &rest[length..];
    }
    Err(trouble.unwrap_or(LinkError::Damaged("it is cut off")))
}

/// Mark that may stand inside a link without being part of it: its length, and the characters it stands for.
fn joint(chars: &[char]) -> Option<(&'static str, usize)> {
    match *chars.first()? {
        // Typographic hyphens and dashes, which programs put where `-` and `--` were.
        '\u{2010}'..='\u{2013}' | '\u{2212}' => Some(("-", 1)),
        '\u{2014}' | '\u{2015}' => Some(("--", 1)),
        c if c.is_whitespace() => {
            let mut quoted = false;
            let length = chars
                .iter()
                .take_while(|&&c| {
                    quoted |= c == '\n';
                    // Mail marks the lines that it quotes.
                    c.is_whitespace() || quoted && matches!(c, '>' | '|')
                })
                .count();
            Some(("", length))
        }
        _ => None,
    }
}

/// A character of base64url.
fn is_payload(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// A character that nobody sees, or one that escapes the next.
fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
        || matches!(
            c,
            '\\' | '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFC}'
        )
}

/// A text with its percent-encoding undone, once. Stray percent signs stay.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
