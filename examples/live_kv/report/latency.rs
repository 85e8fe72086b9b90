//! Latencies, drawn with characters.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::load::latency::Latency;

const BAR: usize = 32;
const BLOCKS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Both histograms side by side, and below them their percentiles.
pub(crate) fn draw(latency: &Latency) -> String {
    let mut text = String::new();
    let columns = [&latency.all, &latency.during];
    let _ = writeln!(text, "{:>10}  {:<width$}  during a replacement", "up to", "all requests", width = BAR + 9);
    let highest = latency.all.max();
    let lowest = latency.all.min();
    let mut from = 0;
    for to in limits() {
        if to >= lowest {
            let _ = write!(text, "{:>10}", duration(to));
            for histogram in columns {
                let _ = write!(text, "  {}", bar(histogram, from, to));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        if to >= highest {
            break;
        }
        from = to + 1;
    }
    text.push('\n');
    for (name, histogram) in ["all requests", "during a replacement"].into_iter().zip(columns) {
        let _ = writeln!(text, "{}", percentiles(name, histogram));
    }
    text
}

/// The counts of `from..=to` as a bar and as a number.
fn bar(histogram: &Histogram<u64>, from: u64, to: u64) -> String {
    let count = histogram.count_between(from, to);
    let share = count as f64 / (histogram.len().max(1)) as f64;
    // A count above zero shows at least one mark.
    let eighths = ((share * (BAR * 8) as f64).round() as usize).max(usize::from(count > 0));
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).map(|block| BLOCKS[block]));
    format!("{bar:<BAR$} {count:>8}")
}

/// 10, 20, 50, 100, ... microseconds.
fn limits() -> impl Iterator<Item = u64> {
    (1..).map(|power| 10u64.saturating_pow(power)).flat_map(|ten| [1, 2, 5].map(|factor| ten.saturating_mul(factor)))
}

fn percentiles(name: &str, histogram: &Histogram<u64>) -> String {
    let at = |quantile| duration(histogram.value_at_quantile(quantile));
    format!(
        "{name:<22}{:>9} requests   p50 {:>8}   p99 {:>8}   p99.9 {:>8}   max {:>8}",
        histogram.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        duration(histogram.max())
    )
}

/// A duration given in microseconds, in the unit that suits it.
pub(crate) fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}
