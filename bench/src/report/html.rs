//! The report as one HTML page: a table, and plots as inlined SVG.

use super::{Figure, Target};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::fmt::Write;

/// A line of a plot: its label, and where in scenario names its points are: `{}` stands for a size.
type Line = (&'static str, &'static str);

/// A plot over sizes.
struct Plot {
    file: &'static str,
    title: &'static str,
    across: &'static str,
    lines: &'static [Line],
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "forward.svg",
        title: "Forwarding",
        across: "routes",
        lines: &[
            ("IPv4, one destination", "forward/{}-routes/1-flow"),
            ("IPv4, random destinations", "forward/{}-routes/random"),
            ("IPv6, random destinations", "forward6/{}-routes/random"),
        ],
    },
    Plot {
        file: "established.svg",
        title: "Established connections through NAT",
        across: "connections",
        lines: &[
            ("UDP, in order", "nat/established/{}-flows/sequential"),
            ("UDP, random", "nat/established/{}-flows/random"),
            ("TCP, in order", "nat/established-tcp/{}-flows/sequential"),
            ("TCP, random", "nat/established-tcp/{}-flows/random"),
        ],
    },
    Plot {
        file: "rules-established.svg",
        title: "Established connections behind a list of rules",
        across: "rules",
        lines: &[("10,000 connections, random", "rules/established/{}")],
    },
    Plot {
        file: "rules-first.svg",
        title: "First packets behind a list of rules",
        across: "rules",
        lines: &[("each packet begins a connection", "rules/first/{}")],
    },
    Plot {
        file: "lookup.svg",
        title: "Lookup of a route",
        across: "routes",
        lines: &[
            ("IPv4", "fib/lookup/{}/v4"),
            ("IPv4, rte_fib", "baseline of fib/lookup/{}/v4"),
            ("IPv6", "fib/lookup/{}/v6"),
            ("IPv6, rte_fib6", "baseline of fib/lookup/{}/v6"),
        ],
    },
];

/// Sizes as scenario names write them.
const SIZES: &[(&str, f64)] = &[
    ("0", 0.0),
    ("1", 1.0),
    ("10", 10.0),
    ("1k", 1e3),
    ("10k", 1e4),
    ("64k", 65_536.0),
    ("100k", 1e5),
    ("1M", 1e6),
    ("4M", 4e6),
];

const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 90, 160), RGBColor(200, 60, 30), RGBColor(30, 130, 60), RGBColor(140, 80, 160)];

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;\
    padding:0 1em;color:#222}table{border-collapse:collapse;width:100%}th,td{padding:.25em .6em;\
    border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}th:first-child,\
    td:first-child{text-align:left}.met{color:#176a2f}.missed{color:#b3261e}svg{max-width:100%}\
    small{color:#666}";

/// The plots there are figures for, as SVG under the names of their files.
///
/// # Errors
/// A plot cannot be drawn.
pub(crate) fn plots(figures: &[Figure]) -> Result<Vec<(&'static str, String)>> {
    let drawn = |plot: &Plot| Ok(plot.draw(figures)?.map(|svg| (plot.file, svg)));
    PLOTS.iter().filter_map(|plot| drawn(plot).transpose()).collect()
}

/// The page.
///
/// # Errors
/// [`std::fmt::Error`].
pub(crate) fn page(figures: &[Figure], plots: &[(&str, String)], machine: &str) -> Result<String> {
    let mut page = String::new();
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sluice: benchmarks</title>\
         <style>{STYLE}</style><h1>Sluice: benchmarks</h1><p>{}</p>\
         <p><small>Values are medians unless docs/PERFORMANCE.md says otherwise; min and max are the best \
         and the worst sample. Baselines were measured in the same run, by turns.</small></p>",
        escaped(machine)
    )?;
    for (_, svg) in plots {
        page.push_str(svg);
    }
    page.push_str(
        "<table><tr><th>scenario</th><th>value</th><th>min</th><th>max</th><th>unit</th>\
         <th>baseline</th><th>its value</th><th>ratio</th><th>target</th><th>harness</th></tr>",
    );
    figures.iter().try_for_each(|figure| row(&mut page, figure))?;
    page.push_str("</table></html>\n");
    Ok(page)
}

fn row(page: &mut String, figure: &Figure) -> std::fmt::Result {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    let (class, target) = match Target::of(&figure.name) {
        Some(target) if target.is_met(figure) => ("met", format!("{}, met", target.text())),
        Some(target) => ("missed", format!("{}, not met", target.text())),
        None => ("", String::new()),
    };
    writeln!(
        page,
        "<tr><td>{}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td class=\"{class}\">{target}</td><td>{}</td></tr>",
        escaped(&figure.name),
        figure.value,
        figure.min,
        figure.max,
        escaped(&figure.unit),
        escaped(figure.baseline.as_deref().unwrap_or_default()),
        number(figure.baseline_value),
        number(figure.ratio),
        escaped(&figure.harness),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

impl Plot {
    /// As SVG; none where there are no figures for it.
    fn draw(&self, figures: &[Figure]) -> Result<Option<String>> {
        let lines: Vec<(&str, Vec<(f64, f64)>)> = self
            .lines
            .iter()
            .map(|(label, names)| (*label, points(figures, names)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        let all = || lines.iter().flat_map(|(_, points)| points);
        let most = all().map(|point| point.0).fold(0.0, f64::max);
        let high = all().map(|point| point.1).fold(0.0, f64::max);
        if most <= 1.0 || high <= 0.0 {
            return Ok(None);
        }
        let mut svg = String::new();
        self.draw_into(&mut svg, &lines, (most, high)).map_err(|error| anyhow!("{error}"))?;
        Ok(Some(svg))
    }

    fn draw_into(
        &self,
        svg: &mut String,
        lines: &[(&str, Vec<(f64, f64)>)],
        (most, high): (f64, f64),
    ) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(svg, (900, 380)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(70)
            .build_cartesian_2d((0.8..most * 1.25).log_scale(), 0.0..high * 1.1)?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc("TSC cycles")
            .x_label_formatter(&|x| short(*x))
            .draw()?;
        for ((label, points), colour) in lines.iter().zip(COLOURS) {
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
            chart.draw_series(line)?.label(*label).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2))
            });
            chart
                .draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

/// The figures of a line, by size; a logarithmic axis shows none as one.
fn points(figures: &[Figure], names: &str) -> Vec<(f64, f64)> {
    let (of_baseline, names) = match names.strip_prefix("baseline of ") {
        Some(names) => (true, names),
        None => (false, names),
    };
    let point = |(word, size): &(&str, f64)| {
        let name = names.replace("{}", word);
        let figure = figures.iter().find(|figure| figure.name == name)?;
        let value = if of_baseline { figure.baseline_value } else { Some(figure.value) };
        Some((size.max(1.0), value?))
    };
    SIZES.iter().filter_map(point).collect()
}

fn short(size: f64) -> String {
    match size {
        size if size >= 1e6 => format!("{}M", size / 1e6),
        size if size >= 1e3 => format!("{}k", size / 1e3),
        size => format!("{size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_plots_and_says_what_is_met() {
        let figures = [
            Figure::single("forward/1-routes/1-flow", "h", "cycles/packet", 20.0),
            Figure::single("forward/100k-routes/1-flow", "h", "cycles/packet", 25.0),
            Figure::single("nat/new", "a < b", "cycles/packet", 351.0),
        ];
        let plots = plots(&figures).unwrap();
        assert_eq!(plots.iter().map(|plot| plot.0).collect::<Vec<_>>(), ["forward.svg"]);
        let page = page(&figures, &plots, "a machine").unwrap();
        assert_eq!(page.matches("<svg").count(), 1);
        assert!(page.contains("≤ 30, met") && page.contains("≤ 350, not met"));
        assert!(page.contains("a &lt; b"));
        assert!(!page.contains("http://") || page.matches("http://www.w3.org").count() == 1);
    }
}
