//! Progress in what programs print: percentages, counts and sizes.
//!
//! Known from real output (`tests/captured`): pip, cargo, rsync, curl with its meter and its bar,
//! tqdm, wget, git, ninja, pytest. What is found is a guess, so that a guess that contradicts
//! itself is not made.

/// How far a line of output says that the program is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    /// A share, 0–100.
    Percent(f64),
    /// Units done of units in all, with `done` ≤ `total`.
    Count {
        /// Units done.
        done: u64,
        /// Units in all, above 0.
        total: u64,
    },
}

impl Found {
    /// The share, 0–100.
    pub(crate) fn percent(self) -> f64 {
        match self {
            Self::Percent(percent) => percent,
            Self::Count { done, total } => done as f64 / total as f64 * 100.0,
        }
    }
}

/// How much of a line is looked at, in characters.
const LOOKED_AT: usize = 512;

/// What a line says about progress.
pub(crate) fn recognise(line: &str) -> Option<Found> {
    if !line.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let characters: Vec<char> = line.chars().take(LOOKED_AT).collect();
    if let Some(percent) = curl_meter(line) {
        return Some(Found::Percent(percent));
    }
    match (percentage(&characters), fraction(&characters)) {
        (Some(percent), Some(count @ Found::Count { .. })) => {
            // `45% (450/1000)` agrees with itself; `45% of file 2/10` does not.
            let agrees = (count.percent() - percent).abs() < 1.01;
            Some(if agrees { count } else { Found::Percent(percent) })
        }
        (Some(percent), Some(Found::Percent(_)) | None) => Some(Found::Percent(percent)),
        (None, found) => found,
    }
}

/// curl's meter has twelve columns, of which the first, third and fifth are percentages without
/// their sign, and the ninth to eleventh are times.
fn curl_meter(line: &str) -> Option<f64> {
    let columns: Vec<_> = line.split_whitespace().collect();
    let [total, _, received, _, sent, _, _, _, one, two, three, _] = columns.as_slice() else {
        return None;
    };
    let is_time = |text: &&str| {
        text.contains(':') && text.chars().all(|c| c.is_ascii_digit() || "-:".contains(c))
    };
    if ![one, two, three].iter().all(|text| is_time(text)) {
        return None;
    }
    let share = |text: &str| text.parse::<u8>().ok().filter(|share| *share <= 100);
    share(received)?;
    share(sent)?;
    share(total).map(f64::from)
}

/// The first number from 0 to 100 before a `%`.
fn percentage(line: &[char]) -> Option<f64> {
    for (at, _) in line.iter().enumerate().filter(|(_, c)| **c == '%') {
        let after = line.get(at + 1);
        if after.is_some_and(|c| c.is_alphanumeric()) {
            continue;
        }
        let mut end = at;
        if end > 0 && line.get(end - 1) == Some(&' ') {
            end -= 1;
        }
        let Some((number, start)) = number_before(line, end) else { continue };
        // `-5%`, `v2.5%` and `$5%` are something else; `~45%` and `[45%` are not.
        let before = start.checked_sub(1).and_then(|before| line.get(before));
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '+' | '.' | '$' | '_')) {
            continue;
        }
        if (0.0..=100.0).contains(&number) {
            return Some(number);
        }
    }
    None
}

/// The last `done/total` of a line, or the share that `12.3/45.6 MB` says.
fn fraction(line: &[char]) -> Option<Found> {
    let slashes: Vec<_> =
        line.iter().enumerate().filter(|(_, c)| **c == '/').map(|(at, _)| at).collect();
    slashes.into_iter().rev().find_map(|at| fraction_at(line, at))
}

fn fraction_at(line: &[char], slash: usize) -> Option<Found> {
    let (left, start) = number_before(line, slash)?;
    let (right, end) = number_after(line, slash + 1)?;
    let before = start.checked_sub(1).and_then(|before| line.get(before));
    // Not inside a path, a date, an option such as `to-chk=0/1` or a version.
    if before.is_some_and(|c| !c.is_whitespace() && !matches!(c, '[' | '(' | '|' | ':' | '#')) {
        return None;
    }
    let rest: String = line.get(end..)?.iter().take(6).collect();
    let unit = rest.strip_prefix(' ').unwrap_or(&rest);
    let word: String = unit.chars().take_while(|c| c.is_alphanumeric()).collect();
    let is_size = matches!(
        word.as_str(),
        "B" | "kB" | "KB" | "MB" | "GB" | "TB" | "KiB" | "MiB" | "GiB" | "TiB" | "K" | "M" | "G"
    );
    let closed = rest
        .chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || matches!(c, ']' | ')' | ':' | ',' | ';' | '|' | '.'));
    if !(left >= 0.0 && right > 0.0 && left <= right) {
        return None;
    }
    let is_whole = |number: f64| number.fract() == 0.0 && number < 1e15;
    if is_size && (closed || !rest.starts_with(' ')) {
        return Some(Found::Percent(left / right * 100.0));
    }
    if !closed || !is_whole(left) || !is_whole(right) || right < 2.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and below 10¹⁵"
    )]
    let count = Found::Count { done: left as u64, total: right as u64 };
    Some(count)
}

/// The number that ends before `end`, and where it begins. Thousands may be set apart by commas.
fn number_before(line: &[char], end: usize) -> Option<(f64, usize)> {
    let mut start = end;
    while start > 0 && line.get(start - 1).is_some_and(|c| is_number_part(*c)) {
        start -= 1;
    }
    while line.get(start).is_some_and(|c| *c == ',' || *c == '.') {
        start += 1;
    }
    parse(line.get(start..end)?).map(|number| (number, start))
}

/// The number that begins at `start`, and where it ends.
fn number_after(line: &[char], start: usize) -> Option<(f64, usize)> {
    let mut end = start;
    while line.get(end).is_some_and(|c| is_number_part(*c)) {
        end += 1;
    }
    while end > start && line.get(end - 1).is_some_and(|c| *c == ',' || *c == '.') {
        end -= 1;
    }
    parse(line.get(start..end)?).map(|number| (number, end))
}

fn is_number_part(c: char) -> bool {
    c.is_ascii_digit() || c == '.' || c == ','
}

fn parse(digits: &[char]) -> Option<f64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let text: String = digits.iter().filter(|c| **c != ',').collect();
    text.parse().ok()
}

/// Holds what was found together over a whole run: it never goes back, and it is never the end
/// before the program's own end.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    percent: f64,
    total: Option<u64>,
    done: u64,
}

/// How far a run is, as it is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reported {
    /// A share.
    Percent(f64),
    /// Units.
    Count {
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
}

/// The most that is reported before the program has ended: it may have another bar to draw.
const NEARLY: f64 = 99.0;

impl Tracker {
    /// What to report after something was found, if it is news.
    pub(crate) fn advance(&mut self, found: Found) -> Option<Reported> {
        let percent = found.percent().min(NEARLY);
        let begins = percent == 0.0 && self.percent == 0.0 && self.total.is_none();
        if percent <= self.percent && !begins {
            return None;
        }
        self.percent = percent;
        match found {
            // One counter from the beginning to the end is reported as it counts.
            Found::Count { done, total }
                if self.total.is_none_or(|known| known == total)
                    && done >= self.done
                    && done < total =>
            {
                let news = self.total.is_none() || done > self.done;
                self.total = Some(total);
                self.done = done;
                news.then_some(Reported::Count { done, total })
            }
            Found::Count { .. } | Found::Percent(_) => Some(Reported::Percent(percent)),
        }
    }
}

#[cfg(test)]
mod tests;
