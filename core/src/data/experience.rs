//! A few thousand windows in a small file: what the critic needs to be trained again for another goal.
//!
//! Numbers are rounded to fixed steps: positions to 1/256 m, velocities to 1/24 m/s, latents to 1/24 of a deviation.
//! The file holds a magic word with the version, a checksum, and a deflated record; see `docs/formats.md`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// First bytes of a file.
const MAGIC: &[u8; 7] = b"diarwin";
/// The version this program writes, and the newest it reads.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the checksum: the first ones of SHA-256 over the deflated record.
const CHECKSUM: usize = 8;
/// Most bytes that a record may unpack to.
const LARGEST: usize = 1 << 24;

/// Steps of a position in a metre.
const PER_METRE: f64 = 256.0;
/// Steps of a velocity in 1 m/s, and of a latent in a deviation.
const PER_UNIT: f32 = 24.0;

/// Why bytes are not windows, or windows no file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExperienceError {
    /// A file of another program.
    #[error("not a file of windows: expected one that `diar windows` made")]
    Foreign,
    /// Written by a newer program.
    #[error("the windows have version {0}, newer than this program reads ({VERSION}): update DIAR")]
    Version(u8),
    /// Contents that differ from what was written.
    #[error("the windows are damaged ({0}): download or make the file again")]
    Damaged(&'static str),
    /// Numbers that the steps cannot hold.
    #[error("window {window} holds {what}, which the file cannot: expected windows of Maze2D")]
    Range {
        /// Which window.
        window: usize,
        /// What it holds.
        what: &'static str,
    },
}

/// A window as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<'a> {
    /// x, y (m), vx, vy (m/s) at each step, `[horizon, 4]`.
    pub states: &'a [f32],
    /// The posterior's mean as the diffusion model and Q see it, `[latent]`.
    pub latent: &'a [f32],
}

/// Windows of one agent's data, with the latents that its encoder gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experience {
    header: Header,
    /// `[windows, horizon, 2]`, in 1/256 m.
    positions: Vec<i16>,
    /// Of the first and the last step, `[windows, 2, 2]`, in 1/24 m/s.
    velocities: Vec<i8>,
    /// `[windows, latent]`, in 1/24.
    latents: Vec<i8>,
}

/// What stands before the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    latent_space: String,
    windows: u32,
    horizon: u16,
    latent: u16,
}

impl Header {
    /// Bytes of all columns; `None` for sizes that no file has.
    fn body(&self) -> Option<usize> {
        let [windows, horizon, latent] =
            [self.windows as usize, usize::from(self.horizon), usize::from(self.latent)];
        if windows == 0 || horizon < 2 || latent == 0 {
            return None;
        }
        // A first position of two numbers in two bytes each, changes in one, two velocities.
        windows.checked_mul(4 + 2 * (horizon - 1) + 4 + latent)
    }
}

impl Experience {
    /// Windows of `horizon` steps with latents of `latent` numbers; `latent_space` is [`Bundle::latent_space`] of the
    /// agent whose encoder made them.
    ///
    /// # Errors
    /// When there are none, or one holds numbers that no Maze2D has.
    ///
    /// [`Bundle::latent_space`]: crate::bundle::Bundle::latent_space
    pub fn new<'a>(
        latent_space: String,
        horizon: usize,
        latent: usize,
        windows: impl IntoIterator<Item = Recorded<'a>>,
    ) -> Result<Self, ExperienceError> {
        let (mut positions, mut velocities, mut latents) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        for (window, Recorded { states, latent: z }) in windows.into_iter().enumerate() {
            let wrong = |what| ExperienceError::Range { window, what };
            if states.len() != 4 * horizon || z.len() != latent {
                return Err(wrong("the wrong number of numbers"));
            }
            let begin = positions.len();
            for state in states.chunks_exact(4) {
                for &x in &state[..2] {
                    let step = (f64::from(x) * PER_METRE).round();
                    let range = f64::from(i16::MIN)..=f64::from(i16::MAX);
                    positions.push(if range.contains(&step) {
                        step as i16
                    } else {
                        return Err(wrong("a position out of reach"));
                    });
                }
            }
            if bends(&positions[begin..]).any(|bend| i8::try_from(bend).is_err()) {
                return Err(wrong("a jump"));
            }
            let [first, last] = [&states[2..4], &states[4 * horizon - 2..]];
            for &x in first.iter().chain(last) {
                velocities.push(byte(x).ok_or_else(|| wrong("a velocity out of reach"))?);
            }
            for &x in z {
                // A latent far out is an outlier of the data: the nearest that can be held will do.
                let held = x.clamp(f32::from(i8::MIN) / PER_UNIT, f32::from(i8::MAX) / PER_UNIT);
                latents.push(byte(held).ok_or_else(|| wrong("a latent that is not a number"))?);
            }
            count += 1;
        }
        let size = |x| u16::try_from(x).unwrap_or_default();
        let header = Header { latent_space, windows: count, horizon: size(horizon), latent: size(latent) };
        if header.body().is_none_or(|body| body > LARGEST / 2) {
            return Err(ExperienceError::Range {
                window: count as usize,
                what: "too little or too much together with the others",
            });
        }
        Ok(Self { header, positions, velocities, latents })
    }

    /// How many windows there are.
    pub fn len(&self) -> usize {
        self.header.windows as usize
    }

    /// Never true: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.header.windows == 0
    }

    /// H.
    pub fn horizon(&self) -> usize {
        self.header.horizon.into()
    }

    /// Numbers in a latent.
    pub fn latent_dim(&self) -> usize {
        self.header.latent.into()
    }

    /// The latent space of the agent whose encoder made the latents.
    pub fn latent_space(&self) -> &str {
        &self.header.latent_space
    }

    /// The positions of a window, m, step by step, `[horizon][2]`.
    pub fn path(&self, window: usize) -> impl Iterator<Item = [f64; 2]> {
        let width = 2 * self.horizon();
        let positions = &self.positions[window * width..(window + 1) * width];
        positions.chunks_exact(2).map(|place| [place[0], place[1]].map(|x| f64::from(x) / PER_METRE))
    }

    /// The window's first state `s_0`, raw, `[state]`.
    pub fn first(&self, window: usize) -> [f32; 4] {
        self.state(window, 0, 0)
    }

    /// The window's last state `s_{H-1}`, raw, `[state]`.
    pub fn last(&self, window: usize) -> [f32; 4] {
        self.state(window, self.horizon() - 1, 1)
    }

    fn state(&self, window: usize, step: usize, side: usize) -> [f32; 4] {
        let place = 2 * (window * self.horizon() + step);
        let speed = 2 * (2 * window + side);
        let [x, y] = [0, 1].map(|k| (f64::from(self.positions[place + k]) / PER_METRE) as f32);
        let [vx, vy] = [0, 1].map(|k| f32::from(self.velocities[speed + k]) / PER_UNIT);
        [x, y, vx, vy]
    }

    /// The window's latent, `[latent]`.
    pub fn latent(&self, window: usize) -> impl Iterator<Item = f32> {
        let width = self.latent_dim();
        self.latents[window * width..(window + 1) * width].iter().map(|&x| f32::from(x) / PER_UNIT)
    }

    /// The windows as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A vector never refuses bytes, so packing cannot fail; an empty record would be refused on reading.
        let mut record = postcard::to_allocvec(&self.header).unwrap_or_default();
        let width = 2 * self.horizon();
        for window in self.positions.chunks_exact(width) {
            record.extend(window[..2].iter().flat_map(|x| x.to_le_bytes()));
        }
        for window in self.positions.chunks_exact(width) {
            record.extend(bends(window).map(|bend| bend as u8));
        }
        for column in [&self.velocities, &self.latents] {
            record.extend(column.iter().map(|&x| x as u8));
        }
        let deflated = miniz_oxide::deflate::compress_to_vec(&record, 9);
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend(checksum(&deflated));
        bytes.extend(deflated);
        bytes
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When the bytes are truncated, damaged, of another program, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ExperienceError> {
        let damaged = ExperienceError::Damaged;
        let rest = bytes.strip_prefix(MAGIC).ok_or(ExperienceError::Foreign)?;
        match rest.first() {
            Some(&VERSION) => {}
            Some(&newer) if newer > VERSION => return Err(ExperienceError::Version(newer)),
            _ => return Err(ExperienceError::Foreign),
        }
        let (sum, deflated) = rest[1..].split_first_chunk::<CHECKSUM>().ok_or(damaged("it is cut off"))?;
        if checksum(deflated) != *sum {
            return Err(damaged("its checksum is wrong"));
        }
        let record = miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, LARGEST)
            .map_err(|_| damaged("it does not unpack"))?;
        let (header, columns) =
            postcard::take_from_bytes::<Header>(&record).map_err(|_| damaged("its header makes no sense"))?;
        if header.body() != Some(columns.len()) {
            return Err(damaged("its columns have the wrong length"));
        }
        let (windows, width) = (header.windows as usize, 2 * usize::from(header.horizon));
        let (starts, columns) = columns.split_at(4 * windows);
        let (changed, columns) = columns.split_at((width - 2) * windows);
        let (velocities, latents) = columns.split_at(4 * windows);
        let mut positions = Vec::with_capacity(width * windows);
        for (start, bends) in starts.chunks_exact(4).zip(changed.chunks_exact(width - 2)) {
            let mut place = [[start[0], start[1]], [start[2], start[3]]].map(i16::from_le_bytes);
            let mut change = [0_i32; 2];
            positions.extend(place);
            for bend in bends.chunks_exact(2) {
                for k in 0..2 {
                    change[k] += i32::from(bend[k] as i8);
                    let moved = i16::try_from(i32::from(place[k]) + change[k]);
                    place[k] = moved.map_err(|_| damaged("a path leaves the world"))?;
                }
                positions.extend(place);
            }
        }
        let signed = |column: &[u8]| column.iter().map(|&x| x as i8).collect();
        Ok(Self { header, positions, velocities: signed(velocities), latents: signed(latents) })
    }
}

/// How a path's speed changes from step to step, `[horizon - 1, 2]`, from positions `[horizon, 2]`; it begins at rest. A
/// ball's path is smooth, so most of these are 0 or next to it.
fn bends(path: &[i16]) -> impl Iterator<Item = i32> {
    let change = |i: usize| if i < 2 { 0 } else { i32::from(path[i]) - i32::from(path[i - 2]) };
    (2..path.len()).map(move |i| change(i) - change(i - 2))
}

/// A number in steps of 1/24, if a byte holds it.
fn byte(x: f32) -> Option<i8> {
    let step = (x * PER_UNIT).round();
    (f32::from(i8::MIN)..=f32::from(i8::MAX)).contains(&step).then_some(step as i8)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|i| digest[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::maze2d::generate;
    use crate::maze::MazeId;
    use crate::rng::Key;

    const HORIZON: usize = 30;
    const LATENT: usize = 16;

    /// Windows of a generated walk with drawn latents, and the numbers they were made of.
    fn recorded(count: usize) -> (Vec<f32>, Vec<f32>) {
        let states = generate(MazeId::Medium, count * HORIZON, 3).states;
        (states, Key::new(4).normals(count * LATENT))
    }

    fn experience(states: &[f32], latents: &[f32]) -> Result<Experience, ExperienceError> {
        let windows = states.chunks_exact(4 * HORIZON).zip(latents.chunks_exact(LATENT));
        let windows = windows.map(|(states, latent)| Recorded { states, latent });
        Experience::new("0123456789abcdef".to_owned(), HORIZON, LATENT, windows)
    }

    /// Every number that comes back is the nearest that its steps allow.
    #[test]
    fn numbers_survive_to_half_a_step() {
        let (states, latents) = recorded(200);
        let written = experience(&states, &latents).unwrap();
        let bytes = written.to_bytes();
        assert!(bytes.len() < 200 * 48, "{} bytes", bytes.len());
        let read = Experience::from_bytes(&bytes).unwrap();
        assert_eq!(read, written);
        assert_eq!((read.len(), read.horizon(), read.latent_dim()), (200, HORIZON, LATENT));
        let near = |a: f64, b: f32, step: f64| assert!((a - f64::from(b)).abs() <= 0.5001 * step, "{a}, {b}");
        for (window, states) in states.chunks_exact(4 * HORIZON).enumerate() {
            let path: Vec<[f64; 2]> = read.path(window).collect();
            assert_eq!(path.len(), HORIZON);
            for (place, state) in path.iter().zip(states.chunks_exact(4)) {
                near(place[0], state[0], 1.0 / 256.0);
                near(place[1], state[1], 1.0 / 256.0);
            }
            let ends =
                [(read.first(window), path[0], 0), (read.last(window), path[HORIZON - 1], HORIZON - 1)];
            for (state, place, step) in ends {
                assert_eq!([state[0], state[1]], place.map(|x| x as f32));
                near(state[2].into(), states[4 * step + 2], 1.0 / 24.0);
                near(state[3].into(), states[4 * step + 3], 1.0 / 24.0);
            }
            for (x, &z) in read.latent(window).zip(&latents[window * LATENT..]) {
                near(x.into(), z, 1.0 / 24.0);
            }
        }
    }

    #[test]
    fn what_the_steps_cannot_hold_is_refused() {
        let (states, latents) = recorded(2);
        let refuse = |at: usize, value: f32| {
            let mut states = states.clone();
            states[at] = value;
            experience(&states, &latents).unwrap_err()
        };
        for (at, value, what) in [
            (120, 1e6, "a position out of reach"),
            (121, f32::NAN, "a position out of reach"),
            (124, 40.0, "a jump"),
            (122, 7.0, "a velocity out of reach"),
            (239, f32::INFINITY, "a velocity out of reach"),
        ] {
            assert_eq!(refuse(at, value), ExperienceError::Range { window: 1, what });
        }
        assert!(experience(&states, &[f32::NAN; 32]).is_err());
        assert!(experience(&[], &[]).is_err(), "no windows");
        let far = experience(&states, &[-900.0; 32]).unwrap();
        assert!(far.latent(0).all(|x| x == -128.0 / 24.0), "an outlier becomes the nearest that is held");
    }

    /// A file that was changed anywhere, or cut anywhere, is refused.
    #[test]
    fn damage_is_found() {
        let (states, latents) = recorded(3);
        let bytes = experience(&states, &latents).unwrap().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(Experience::from_bytes(&changed).is_err(), "byte {at}");
            assert!(Experience::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(Experience::from_bytes(b"{}"), Err(ExperienceError::Foreign));
        let mut newer = bytes.clone();
        newer[MAGIC.len()] = VERSION + 1;
        assert_eq!(Experience::from_bytes(&newer), Err(ExperienceError::Version(VERSION + 1)));
    }

    /// With a checksum that fits, whatever the record holds: what is read is whole, and nothing panics.
    #[test]
    fn a_forged_record_is_refused_or_whole() {
        let (states, latents) = recorded(3);
        let honest = experience(&states, &latents).unwrap().to_bytes();
        let record = miniz_oxide::inflate::decompress_to_vec(&honest[MAGIC.len() + 1 + CHECKSUM..]).unwrap();
        let seal = |record: &[u8]| {
            let deflated = miniz_oxide::deflate::compress_to_vec(record, 1);
            [&honest[..=MAGIC.len()], &checksum(&deflated), &deflated].concat()
        };
        let mut stream = Key::new(9).stream();
        let mut whole = 0;
        for _ in 0..20_000 {
            let mut forged = record.clone();
            for _ in 0..=stream.below(3) {
                let most = if stream.below(2) == 0 { 40 } else { forged.len() };
                let at = stream.below(most);
                forged[at] = stream.below(256) as u8;
            }
            if stream.below(4) == 0 {
                forged.truncate(stream.below(forged.len()));
            }
            if let Ok(read) = Experience::from_bytes(&seal(&forged)) {
                whole += 1;
                for window in 0..read.len() {
                    assert_eq!(read.path(window).count(), read.horizon());
                    assert_eq!(read.latent(window).count(), read.latent_dim());
                    assert!(read.first(window).iter().chain(&read.last(window)).all(|x| x.is_finite()));
                }
            }
        }
        assert!((1_000..20_000).contains(&whole), "{whole} read");
        let bomb = seal(&vec![0; LARGEST + 1]);
        assert_eq!(Experience::from_bytes(&bomb), Err(ExperienceError::Damaged("it does not unpack")));
    }
}
