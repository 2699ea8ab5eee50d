//! Reading and printing durations, amounts and other small values.

use std::collections::BTreeMap;
use std::time::Duration;

use headway_protocol::batch::Rate;
use headway_protocol::report::Usage;
use headway_protocol::{Amount, Secret};

/// Reads `500ms`, `30s`, `5m`, `1h30m` or `2d`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: use 500ms, 30s, 5m, 1h30m or 2d");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let seconds = match unit.trim() {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        total += number * seconds;
        rest = after;
    }
    if total <= 0.0 {
        return Err(format!("`{text}` must be above zero"));
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

/// Reads an amount to spend, such as `2.50`.
pub(crate) fn parse_amount(text: &str) -> Result<Amount, String> {
    let amount: Amount = text.parse().map_err(|error| format!("{error}"))?;
    if amount > Amount::ZERO { Ok(amount) } else { Err("it must be above zero".to_owned()) }
}

/// Reads `10/s`, `600/m` or `5/2s`.
pub(crate) fn parse_rate(text: &str) -> Result<Rate, String> {
    let wrong = || format!("`{text}` is not a rate: use 10/s, 600/m or 5/2s");
    let (count, period) = text.split_once('/').ok_or_else(wrong)?;
    let count: u32 = count.trim().parse().map_err(|_| wrong())?;
    let period = period.trim();
    if period.is_empty() {
        return Err(wrong());
    }
    let period = if period.starts_with(|c: char| c.is_ascii_digit()) {
        parse_duration(period)?
    } else {
        parse_duration(&format!("1{period}"))?
    };
    let per_ms = u64::try_from(period.as_millis()).map_err(|_| wrong())?;
    if count == 0 || per_ms == 0 { Err(wrong()) } else { Ok(Rate { count, per_ms }) }
}

/// Reads `sku=gpt-x,input_tokens=900`.
pub(crate) fn parse_usage(text: &str) -> Result<Usage, String> {
    let mut sku = None;
    let mut units = BTreeMap::new();
    for part in text.split(',') {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` is not NAME=VALUE: use sku=gpt-x,input_tokens=900"))?;
        if name.trim() == "sku" {
            sku = Some(value.trim().to_owned());
        } else {
            let amount: f64 =
                value.trim().parse().map_err(|_| format!("`{value}` is no number"))?;
            if !amount.is_finite() || amount < 0.0 {
                return Err(format!("`{value}` must be finite and not negative"));
            }
            units.insert(name.trim().to_owned(), amount);
        }
    }
    let sku = sku.ok_or("it names no sku: begin with sku=NAME")?;
    Ok(Usage { sku, units })
}

/// Reads `Name: value`.
pub(crate) fn parse_header(text: &str) -> Result<(String, Secret), String> {
    let (name, value) = text.split_once(':').ok_or("it is not NAME: VALUE")?;
    if name.trim().is_empty() {
        return Err("the header has no name".to_owned());
    }
    Ok((name.trim().to_owned(), Secret::new(value.trim())))
}

/// Prints a time in its two largest units: `850 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Cuts a text to `width` characters, with an ellipsis where something is missing.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Takes control characters out of what came from elsewhere, so that it cannot steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("30", 30_000),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "s", "0s", "-1s", "5 fortnights", "1..2s", "1e400d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts() {
        assert_eq!(parse_amount("2.50").unwrap().to_string(), "2.50");
        for text in ["-3", "0", "-0.5"] {
            assert_eq!(parse_amount(text), Err("it must be above zero".to_owned()), "{text}");
        }
        assert!(parse_amount("much").is_err());
    }

    #[test]
    fn rates() {
        assert_eq!(parse_rate("10/s"), Ok(Rate { count: 10, per_ms: 1_000 }));
        assert_eq!(parse_rate("600/m"), Ok(Rate { count: 600, per_ms: 60_000 }));
        assert_eq!(parse_rate("5/2s"), Ok(Rate { count: 5, per_ms: 2_000 }));
        for text in ["10", "0/s", "x/s", "10/", "10/year"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn usages() {
        let usage = parse_usage("sku=m, input_tokens=900").unwrap();
        assert_eq!((usage.sku.as_str(), usage.units["input_tokens"]), ("m", 900.0));
        for text in ["", "input_tokens=1", "sku=m,tokens=many", "sku=m,tokens=-1"] {
            assert!(parse_usage(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_printed_for_people() {
        for (millis, text) in [
            (850, "850 ms"),
            (12_400, "12 s"),
            (185_000, "3 min 5 s"),
            (7_800_000, "2 h 10 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }

    #[test]
    fn nothing_from_elsewhere_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
