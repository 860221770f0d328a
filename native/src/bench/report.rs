//! What was measured: an array for programs, tables for people.

use std::fmt;

use serde::{Serialize, Serializer};

use super::contest::RivalTimes;
use super::flops::Cost;
use super::limits::Limits;
use super::path::HotPath;
use super::times::Times;
use crate::device::DeviceName;

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    pub(super) sections: Vec<Section>,
    /// The machine's limits, where a path needed them.
    pub(super) limits: Option<Limits>,
    pub(super) threads: usize,
}

/// Paths that stand in one table.
#[derive(Debug)]
pub(crate) struct Section {
    /// What it shows.
    pub title: Option<&'static str>,
    /// The size that grows from row to row.
    pub sweep: Option<Sweep>,
    /// What is still to be measured.
    pub paths: Vec<HotPath>,
    /// What has been.
    pub rows: Vec<Row>,
}

/// A size that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    Candidates,
    Steps,
    Batch,
    Width,
}

impl Sweep {
    /// The size of a path.
    pub(crate) fn of(self, path: &HotPath) -> Option<usize> {
        match self {
            Self::Candidates => path.candidates(),
            Self::Steps => path.steps(),
            Self::Batch => Some(path.batch()),
            Self::Width => path.width(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Steps => "steps",
            Self::Batch => "batch",
            Self::Width => "width",
        }
    }
}

/// One path at one size, against one rival or none. Times are in ms; `spread` is the interquartile range.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: &'static str,
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<usize>,
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<usize>,
    median_ms: f64,
    spread_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gflops: Option<f64>,
    /// The shortest time the machine's limits allow, as a share of the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rival: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rival_ms: Option<f64>,
    /// The rival's median over ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip)]
    path: HotPath,
    /// Which limit it is a share of.
    #[serde(skip)]
    limit: &'static str,
}

impl Row {
    /// The row of a path.
    pub(crate) fn new(
        path: &HotPath,
        ours: &Times,
        against: Option<(Cost, Limits)>,
        rival: Option<&RivalTimes>,
    ) -> Self {
        let median_ms = ours.median();
        let seconds = (median_ms * 1e-3).max(1e-12);
        let least = against.map(|(cost, limits)| limits.least(cost.flops, cost.bytes));
        let rival_ms = rival.map(|rival| rival.times.median());
        Self {
            name: path.name(),
            device: DeviceName::Cpu.to_string(),
            candidates: path.candidates(),
            steps: path.steps(),
            batch: path.batch(),
            width: path.width(),
            median_ms,
            spread_ms: ours.spread(),
            gflops: against.map(|(cost, _)| cost.flops * 1e-9 / seconds),
            limit_share: least.map(|(least, _)| least / seconds),
            rival: rival.map(|rival| rival.name.clone()),
            rival_ms,
            ratio: rival_ms.map(|rival| rival * 1e-3 / seconds),
            path: path.clone(),
            limit: least.map_or("", |(_, limit)| limit),
        }
    }

    /// Median, spread, GFLOP/s and share of the limit, for people.
    fn measured(&self) -> [String; 4] {
        [
            number(self.median_ms),
            number(self.spread_ms),
            self.gflops.map_or(String::new(), number),
            self.limit_share.map_or(String::new(), |share| format!("{:.0} % {}", 100.0 * share, self.limit)),
        ]
    }

    fn usual(&self, rivals: bool) -> Vec<String> {
        let mut cells = vec![self.name.to_owned(), self.path.size()];
        cells.extend(self.measured());
        cells.push(self.path.yields().map_or(String::new(), |(count, unit)| {
            format!("{:.0} {unit}", count as f64 / (self.median_ms * 1e-3).max(1e-12))
        }));
        if rivals {
            cells.push(self.rival.clone().unwrap_or_default());
            cells.push(self.rival_ms.map_or(String::new(), number));
            cells.push(self.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x")));
        }
        cells
    }

    fn swept(&self, sweep: Sweep) -> Vec<String> {
        let size = sweep.of(&self.path).unwrap_or_default();
        let mut cells = vec![size.to_string()];
        cells.extend(self.measured());
        cells.push(number(1e3 * self.median_ms / size.max(1) as f64));
        cells
    }
}

/// Four significant digits, or all before the point.
fn number(value: f64) -> String {
    let digits = if value > 0.0 { value.log10().floor() as i32 } else { 0 };
    format!("{value:.*}", (3 - digits).clamp(0, 6) as usize)
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.sections.iter().flat_map(Section::records))
    }
}

/// A row as programs read it.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    row: &'a Row,
    /// Name of the field that grows from row to row.
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep: Option<&'static str>,
}

impl Section {
    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.rows.iter().map(|row| Record { row, sweep: self.sweep.map(Sweep::name) })
    }

    fn table(&self) -> Vec<Vec<String>> {
        let measured = ["median ms", "spread ms", "GFLOP/s", "of limit"];
        let rivals = self.rows.iter().any(|row| row.rival.is_some());
        let (mut titles, last) = match self.sweep {
            Some(sweep) => (vec![sweep.name()], vec!["µs each"]),
            None if rivals => (vec!["path", "size"], vec!["per second", "rival", "its median", "ratio"]),
            None => (vec!["path", "size"], vec!["per second"]),
        };
        titles.extend(measured);
        titles.extend(last);
        let titles = titles.into_iter().map(str::to_owned).collect();
        let rows = self.rows.iter().map(|row| match self.sweep {
            Some(sweep) => row.swept(sweep),
            None => row.usual(rivals),
        });
        std::iter::once(titles).chain(rows).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device {}, {} threads", DeviceName::Cpu, self.threads)?;
        if let Some(Limits { gflops, gigabytes }) = self.limits {
            write!(f, "; limits: {gflops:.0} GFLOP/s (products), {gigabytes:.1} GB/s (memory)")?;
        }
        write!(f, "\nspread is the interquartile range; a ratio is how many times faster we are")?;
        for section in &self.sections {
            writeln!(f)?;
            if let Some(title) = section.title {
                write!(f, "\n{title}")?;
            }
            aligned(f, &section.table())?;
        }
        Ok(())
    }
}

/// Columns of equal width: words to the left, numbers to the right.
fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let wordy = ["path", "size", "rival"];
    for row in rows {
        let cells = row.iter().zip(&rows[0]).enumerate().map(|(column, (cell, title))| {
            let width = width(column);
            if wordy.contains(&title.as_str()) {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        write!(f, "\n{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.012_346, "0.01235"),
            (1.234_56, "1.235"),
            (123.456, "123.5"),
            (123_456.7, "123457"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
