//! MathML in few letters. What belongs to V, Q, a latent or revaluation carries a class, so that the page can colour
//! it as it colours the same thing in its figures.

/// An identifier.
pub(crate) fn id(name: &str) -> String {
    format!("<mi>{name}</mi>")
}

/// An identifier printed upright, such as a name of several letters.
pub(crate) fn upright(name: &str) -> String {
    format!(r#"<mi mathvariant="normal">{name}</mi>"#)
}

/// An operator, a relation or a bracket; brackets do not grow, because not every font knows how.
pub(crate) fn op(sign: &str) -> String {
    format!(r#"<mo stretchy="false">{sign}</mo>"#)
}

/// A number.
pub(crate) fn number(digits: &str) -> String {
    format!("<mn>{digits}</mn>")
}

/// Parts in a row, held together.
pub(crate) fn row(parts: &[String]) -> String {
    format!("<mrow>{}</mrow>", parts.concat())
}

/// A part with an index.
pub(crate) fn sub(base: String, index: String) -> String {
    format!("<msub>{base}{index}</msub>")
}

/// A part with an exponent.
pub(crate) fn sup(base: String, exponent: String) -> String {
    format!("<msup>{base}{exponent}</msup>")
}

/// A part with an index and an exponent.
pub(crate) fn sub_sup(base: String, index: String, exponent: String) -> String {
    format!("<msubsup>{base}{index}{exponent}</msubsup>")
}

/// A part with something below it.
pub(crate) fn under(base: String, below: String) -> String {
    format!("<munder>{base}{below}</munder>")
}

/// A part with something below and above it.
pub(crate) fn under_over(base: String, below: String, above: String) -> String {
    format!("<munderover>{base}{below}{above}</munderover>")
}

/// A part with an accent.
pub(crate) fn accent(base: String, sign: &str) -> String {
    format!(r#"<mover accent="true">{base}{}</mover>"#, op(sign))
}

/// Parts in round brackets.
pub(crate) fn round(parts: &[String]) -> String {
    enclosed("(", parts, ")")
}

/// Parts in square brackets.
pub(crate) fn square(parts: &[String]) -> String {
    enclosed("[", parts, "]")
}

/// The absolute value of parts.
pub(crate) fn absolute(parts: &[String]) -> String {
    let bar = |form: &str| format!(r#"<mo stretchy="false" form="{form}">|</mo>"#);
    format!("<mrow>{}{}{}</mrow>", bar("prefix"), parts.concat(), bar("postfix"))
}

fn enclosed(left: &str, parts: &[String], right: &str) -> String {
    format!("<mrow>{}{}{}</mrow>", op(left), parts.concat(), op(right))
}

fn coloured(class: &str, part: &str) -> String {
    format!(r#"<mrow class="{class}">{part}</mrow>"#)
}

/// Something about V.
pub(crate) fn value(part: String) -> String {
    coloured("m-value", &part)
}

/// Something about Q.
pub(crate) fn quality(part: String) -> String {
    coloured("m-q", &part)
}

/// Something about revaluation.
pub(crate) fn revaluation(part: String) -> String {
    coloured("m-break", &part)
}

/// Something about a latent.
pub(crate) fn latent(part: String) -> String {
    coloured("m-latent", &part)
}

/// A formula in a line of text; `reading` is what a screen reader says.
pub(crate) fn math(reading: &str, parts: &[String]) -> String {
    format!(r#"<math aria-label="{reading}">{}</math>"#, parts.concat())
}

/// A formula on its own, in one or more lines.
pub(crate) fn display(reading: &str, lines: &[&[String]]) -> String {
    let line =
        |parts: &&[String]| format!(r#"<math display="block" aria-hidden="true">{}</math>"#, parts.concat());
    format!(r#"<div role="math" aria-label="{reading}">{}</div>"#, lines.iter().map(line).collect::<String>())
}

/// A formula as its characters alone.
#[cfg(test)]
pub(crate) fn characters(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        text += piece.split_once('>').map_or(piece, |(_, text)| text);
    }
    text.replace("&lt;", "<").replace("&gt;", ">")
}

/// Whether every element ends where it must.
#[cfg(test)]
pub(crate) fn balanced(html: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for piece in html.split('<').skip(1) {
        let Some((tag, _)) = piece.split_once('>') else { return false };
        match tag.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            Some(_) => {}
            None => open.push(tag.split(' ').next().unwrap_or(tag)),
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_nest() {
        let z = latent(sub_sup(id("z"), id("t"), id("i")));
        assert_eq!(z, r#"<mrow class="m-latent"><msubsup><mi>z</mi><mi>t</mi><mi>i</mi></msubsup></mrow>"#);
        let formula = math("V of s", &[value(row(&[id("V"), round(&[id("s")])]))]);
        assert!(balanced(&formula) && characters(&formula) == "V(s)", "{formula}");
        assert!(!balanced("<mi>a</mo>") && !balanced("<mi>a") && !balanced("<mi"));
    }
}
