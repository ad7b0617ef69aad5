//! Times as Optuna writes them: `2026-01-31T23:59:59.123456+00:00`.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the start of 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}

/// In UTC, to the microsecond.
pub(super) fn format(seconds: f64) -> String {
    let micros = (seconds * 1e6).round() as i64;
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = date(days);
    let (second, micro) = (rest / 1_000_000, rest % 1_000_000);
    let [h, m, s] = [second / 3600, second / 60 % 60, second % 60];
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{micro:06}+00:00")
}

/// With or without microseconds; with `Z`, an offset, or in UTC.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let [h, m, s] = clock(time)?;
    let offset = match zone.split_at_checked(1) {
        None | Some(("Z", _)) => 0.0,
        Some((sign, zone)) => {
            let [h, m, _] = clock(zone)?;
            (h * 3600.0 + m * 60.0) * if sign == "-" { -1.0 } else { 1.0 }
        }
    };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..=9999).contains(&year);
    valid.then(|| days(year, month, day) as f64 * 86_400.0 + h * 3600.0 + m * 60.0 + s - offset)
}

/// Hours, minutes, and seconds if there are any.
fn clock(text: &str) -> Option<[f64; 3]> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    Some([parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0.0))?])
}

/// Days since the start of 1970, by H. Hinnant, "chrono-compatible low-level date algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

/// The inverse of [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * in_year + 2) / 153;
    let (day, month) = (in_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_python() {
        // datetime.fromtimestamp(s, timezone.utc).isoformat(timespec="microseconds")
        let known = [
            (0.0, "1970-01-01T00:00:00.000000+00:00"),
            (951_782_400.25, "2000-02-29T00:00:00.250000+00:00"),
            (1_795_775_247.123456, "2026-11-27T10:27:27.123456+00:00"),
        ];
        for (seconds, text) in known {
            assert_eq!(format(seconds), text);
            assert!((parse(text).expect("a time") - seconds).abs() < 1e-6);
        }
        assert_eq!(parse("1970-01-01T01:00:00+01:00"), Some(0.0));
        assert_eq!(parse("1969-12-31T19:30:00.5-04:30"), Some(0.5));
        for wrong in ["", "today", "1970-13-01T00:00:00", "1970-01-01", "1970-01-01T00"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_1000_years_comes_back() {
        for day in -200_000..170_000 {
            let (y, m, d) = date(day);
            assert_eq!(days(y, m, d), day);
        }
    }
}
