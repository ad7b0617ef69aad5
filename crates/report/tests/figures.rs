//! Every figure, of data good and bad, is well-formed XML that stays inside of its picture.

use roxmltree::{Document, Node, ParsingOptions};
use wengert_report::{
    Axis, Cell, Figure, Finding, Image, Images, Matrix, Page, Parallel, Plot, Ridges, Rows, Severity, Table,
};

const NASTY: &str = "<script>alert(\"&amp;\")</script> & 'w\u{0}\u{1b}' ]]> 重み";
const EXTREMES: [f64; 15] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-320,
    f64::MIN_POSITIVE,
    1e-12,
    1e12,
    -1e300,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// What is drawn at a width, checked.
fn drawn(figure: &dyn Figure, width: f64) -> String {
    let svg = figure.svg(width);
    let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    let child = |name| root.children().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
    assert_eq!(
        child(("http://www.w3.org/2000/svg", "title")).unwrap_or(""),
        figure.title().replace(['\0', '\x1b'], "\u{fffd}")
    );
    for number in ["NaN", "inf"] {
        assert!(document.descendants().all(|node| node.attributes().all(|a| !a.value().contains(number))), "{svg}");
    }
    let height: f64 = root.attribute("height").and_then(|h| h.parse().ok()).expect("a height");
    assert!(height > 0.0 && height < 1e5, "{height}");
    for node in document.descendants().filter(Node::is_element) {
        stays_inside(&node, width, height);
    }
    svg
}

/// Shapes outside of a plot's area are cut off by the area; everything else must be inside.
fn stays_inside(node: &Node, width: f64, height: f64) {
    if node.ancestors().any(|parent| parent.attribute("class") == Some("area")) {
        return;
    }
    let number = |name| node.attribute(name).and_then(|value| value.parse::<f64>().ok());
    let room = 12.0;
    for (low, length, most) in [("x", "width", width), ("y", "height", height)] {
        if let Some(at) = number(low) {
            let end = at + number(length).unwrap_or(0.0);
            assert!(at >= -room && end <= most + room, "{:?} {low}={at} … {end}, of {most}", node.tag_name());
        }
    }
}

fn both(figure: &dyn Figure) {
    for width in [360.0, 960.0] {
        assert_eq!(drawn(figure, width), drawn(figure, width), "the same bytes each time");
    }
}

fn pairs(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().flat_map(|&x| values.iter().map(move |&y| (x, y))).collect()
}

fn plot(axes: [Axis; 2], points: &[(f64, f64)]) -> Plot {
    let [x, y] = axes;
    Plot::new(NASTY)
        .caption(NASTY)
        .x(x)
        .y(y)
        .line(NASTY, points.to_vec())
        .steps("steps", points.to_vec())
        .context("context", points.to_vec())
        .points("points", points.to_vec())
        .labelled_points("labelled", points.iter().map(|&(x, y)| (x, y, NASTY.to_owned())))
        .band("band", points.iter().map(|&(x, y)| (x, y, 2.0 * y)))
        .gap("gap", points.iter().map(|&(x, y)| (x, y, -y)))
}

#[test]
fn plots_of_extreme_values() {
    let axes = || [Axis::new(NASTY), Axis::new("y")];
    both(&plot(axes(), &[]));
    both(&plot(axes(), &pairs(&EXTREMES)));
    both(&plot(axes().map(Axis::log), &pairs(&EXTREMES)));
    for low in EXTREMES {
        for high in EXTREMES {
            drawn(&plot(axes(), &[(low, high), (high, low)]).rule_x(low, NASTY).rule_y(high, NASTY), 360.0);
            drawn(&plot(axes().map(Axis::log), &[(low, high), (high, low)]).rule_y(low, "rule"), 360.0);
        }
    }
    let named = Axis::new("kind").categories(["a", NASTY, "c"]);
    both(&plot([named, Axis::new("score").range(0.0, 1.0)], &pairs(&[0.0, 1.0, 2.0, 7.0])));
}

#[test]
fn a_plot_shows_where_values_are_lost() {
    let loss = [(0.0, 2.3), (1.0, 1e3), (2.0, f64::INFINITY), (3.0, f64::NAN), (4.0, 1.0), (5.0, f64::NAN)];
    let svg = drawn(&Plot::new("Loss").line("training", loss), 360.0);
    assert_eq!(svg.matches("class=\"lost\"").count(), 2, "one where it begins");
    assert!(svg.contains("training: ∞ at 2") && svg.contains("training: NaN at 5"));
    let svg = drawn(&Plot::new("Loss").y(Axis::new("loss").log()).line("training", [(0.0, 1.0), (1.0, 0.0)]), 360.0);
    assert!(svg.contains("training: 0 at 1"));
    let svg = drawn(&Plot::new("Loss").line("training", [(0.0, 2.0), (1.0, 1.0)]), 360.0);
    assert!(!svg.contains("class=\"lost\""));
}

#[test]
fn marks_of_one_name_share_colour_and_legend() {
    let points = [(0.0, 1.0), (1.0, 2.0)];
    let plot = Plot::new("Loss")
        .band("training", [(0.0, 0.5, 1.5), (1.0, 1.5, 2.5)])
        .line("training", points)
        .line("validation", points);
    let svg = drawn(&plot, 360.0);
    assert_eq!(svg.matches(">training</text>").count(), 1);
    assert!(svg.contains("band s1") && svg.contains("line s1") && svg.contains("line s2"));
    let many = (0..40).fold(Plot::new("Many"), |plot, i| plot.line(format!("series {i}"), points));
    let svg = drawn(&many, 360.0);
    assert!(svg.contains("and 24 more") && svg.contains("line s2 dash"));
}

#[test]
fn a_long_series_is_a_small_picture() {
    let long = (0..1_000_000).map(|i| (f64::from(i), f64::from(i).sin()));
    let svg = drawn(&Plot::new("Long").line("sine", long), 960.0);
    assert!(svg.len() < 120_000, "{}", svg.len());
}

#[test]
fn coordinates_are_those_of_the_values() {
    let plot = Plot::new("Line").x(Axis::new("x").range(0.0, 10.0)).y(Axis::new("y").range(0.0, 1.0)).height(100.0);
    let svg = plot.line("line", [(0.0, 0.0), (5.0, 0.5), (10.0, 1.0)]).svg(360.0);
    let document = Document::parse(&svg).expect("XML");
    let line = document.descendants().rfind(|node| node.attribute("class") == Some("line s1")).expect("a line");
    let numbers: Vec<f64> = line
        .attribute("d")
        .expect("a path")
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|n| n.parse().ok())
        .collect();
    let [x0, y0, x1, y1, x2, y2] = numbers[..] else { panic!("{numbers:?}") };
    assert_eq!((x2, y0 - y2), (328.0, 100.0)); // 360 less two margins and what is free at the right
    assert!((x1 - 0.5 * (x0 + x2)).abs() < 0.011 && (y1 - 0.5 * (y0 + y2)).abs() < 0.011, "{numbers:?}");
}

#[test]
fn rows_of_extreme_values() {
    for axis in [Axis::new(NASTY), Axis::new("share").log()] {
        let empty = Rows::new(NASTY).axis(axis);
        both(&empty);
        let full = pairs(&EXTREMES).into_iter().fold(empty, |rows, (low, high)| {
            rows.bar(NASTY, low, Some((low, high))).range("range", (low, high), Some(high)).range("", (low, high), None)
        });
        both(&full);
    }
}

#[test]
fn a_bar_is_as_long_as_its_value() {
    let axis = Axis::new("share").range(0.0, 1.0);
    let svg = drawn(&Rows::new("Bars").axis(axis).bar("a", 0.5, None).bar("b", 0.25, Some((0.2, 0.3))), 360.0);
    let document = Document::parse(&svg).expect("XML");
    let bars: Vec<f64> = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("bar s1"))
        .filter_map(|node| node.attribute("width")?.parse().ok())
        .collect();
    assert!((bars[0] - 2.0 * bars[1]).abs() < 0.02, "{bars:?}");
    assert!(svg.contains("b: 0.25, 0.2 to 0.3"));
}

#[test]
fn ridges_of_extreme_values() {
    both(&Ridges::new(NASTY));
    let all = pairs(&EXTREMES).into_iter().fold(Ridges::new(NASTY).axis(Axis::new(NASTY)), |ridges, (low, high)| {
        ridges.row(NASTY, (low, high), [0, 1, u64::MAX]).row("none", (low, high), []).row("zero", (low, high), [0, 0])
    });
    both(&all);
    let spike = drawn(&Ridges::new("Dead").row("0", (0.0, 0.0), [64]).row("1", (-1.0, 1.0), [1, 2, 1]), 360.0);
    assert_eq!(spike.matches("class=\"ridge\"").count(), 2);
}

#[test]
fn matrices() {
    both(&Matrix::new(NASTY, [""; 0], [""; 0], &[]));
    both(&Matrix::confusion(NASTY, [""; 0], &[]));
    let values: Vec<Vec<f64>> = EXTREMES.iter().map(|&v| vec![v; 15]).collect();
    both(&Matrix::new(NASTY, [NASTY; 15], [NASTY; 15], &values));
    let large: Vec<Vec<u64>> =
        (0..150).map(|i| (0..150).map(|j| if i == j { u64::MAX / 200 } else { 0 }).collect()).collect();
    let svg = drawn(&Matrix::confusion("Large", (0..150).map(|c| c.to_string()), &large), 360.0);
    assert!(svg.len() < 60_000, "empty cells are not drawn: {}", svg.len());
    let svg = drawn(&Matrix::confusion("Small", ["cat", "dog"], &[vec![9, 1], vec![0, 0]]), 360.0);
    assert!(svg.contains("label cat, predicted dog: 1") && svg.contains("fill-opacity=\"0.38\""));
}

#[test]
#[should_panic(expected = "matrix \"M\": row 1 has 1 values for 2 names")]
fn a_matrix_has_full_rows() {
    Matrix::new("M", ["a", "b"], ["a", "b"], &[vec![1.0, 2.0], vec![3.0]]);
}

#[test]
fn images_of_any_shape() {
    both(&Images::new(NASTY));
    let images = [(1, 1), (1, 50), (50, 1), (28, 28)].into_iter().fold(Images::new(NASTY), |images, (w, h)| {
        let values: Vec<f64> = (0..w * h).map(|i| EXTREMES[i % 15]).collect();
        images.image(Image::grey(w, &values, 0.0, 1.0), NASTY).image(Image::signed(w, &values, f64::MAX), "")
    });
    both(&images);
    both(&images.size(500.0));
}

#[test]
fn parallel_coordinates_of_extreme_values() {
    both(&Parallel::new(NASTY, []));
    let axes = [Axis::new(NASTY), Axis::new("log").log(), Axis::new("kind").categories([NASTY, "b"])];
    let lines = pairs(&EXTREMES).into_iter().fold(Parallel::new(NASTY, axes), |parallel, (a, b)| {
        parallel.line([Some(a), Some(b), Some(0.0)], a, NASTY).line([None, Some(a), None], b, "")
    });
    both(&lines);
}

#[test]
fn a_page_is_well_formed_and_whole() {
    let plot = Plot::new(NASTY).line(NASTY, [(0.0, 1.0), (1.0, 2.0)]);
    let finding =
        |severity| Finding { severity, title: NASTY.into(), evidence: vec![NASTY.into()], advice: vec![NASTY.into()] };
    let page = || {
        Page::new(NASTY)
            .subtitle(NASTY)
            .key_figures([(NASTY, NASTY)])
            .section(NASTY)
            .findings(&[Severity::Serious, Severity::Warning, Severity::Note, Severity::Good].map(finding))
            .section("Figures")
            .wide(&plot)
            .figures(&[&plot, &plot])
            .section("Table")
            .table(&Table::new([NASTY, "n"]).row([NASTY.into(), Cell::Number(f64::NAN)]))
            .text(NASTY)
            .html()
    };
    let html = page();
    assert_eq!(html, page());
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&html, options).unwrap_or_else(|error| panic!("{error}\n{html}"));
    assert_eq!(
        document
            .descendants()
            .filter(|node| node.tag_name().name() == "svg" && node.attribute("role").is_some())
            .count(),
        4
    );
    let attributes = document.descendants().flat_map(|node| node.attributes().collect::<Vec<_>>());
    let mut links = attributes.filter(|a| matches!(a.name(), "href" | "src")).map(|a| a.value().to_owned());
    assert!(links.all(|link| link.starts_with('#')), "it loads nothing");
    for outside in ["url(", "@import", "fetch", "<script "] {
        assert!(!html.contains(outside), "{outside}");
    }
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    assert_eq!(ids, ["s1", "s2", "s3"]);
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_the_old_one_stays() {
    let folder = std::env::temp_dir().join(format!("wengert-report-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let error = Page::new("Page").write(folder.join("no/such/page.html")).expect_err("no such folder");
    assert!(error.to_string().contains("page.html: "), "{error}");
    let file = folder.join("page.html");
    Page::new("One").write(&file).expect("written");
    Page::new("Two").write(&file).expect("written over");
    assert!(std::fs::read_to_string(&file).expect("read").contains("Two"));
    Plot::new("Plot").write_svg(folder.join("plot.svg"), 300.0).expect("written");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "nothing else is left");
    std::fs::remove_dir_all(&folder).expect("removed");
}
