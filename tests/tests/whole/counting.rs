//! The classic exercise: one producer of even numbers, one of odd numbers at half the rate, and a viewer that prints
//! both.

use testkit::{Program, kafka};

#[test]
fn even_and_odd_numbers_of_two_producers_are_printed() {
    let kafka = kafka();
    let topic = kafka.topic("even-odd");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start_before_topic();
    let even = Program::vidprod().args(["test:0+2", "--fps", "1", "--source", "A"]).on(kafka, &topic).start();
    let odd = Program::vidprod().args(["test:1+2", "--fps", "0.5", "--source", "B"]).on(kafka, &topic).start();
    viewer.until_stdout("A: 8 and B: 3", |out| {
        out.lines().any(|line| line == "A: 8") && out.lines().any(|line| line == "B: 3")
    });
    even.interrupt().ok().report();
    odd.interrupt().ok().report();
    let viewer = viewer.interrupt().ok();
    viewer.report();
    let of = |source: &str| {
        let lines = viewer.lines();
        let numbers = lines.iter().filter_map(|line| line.strip_prefix(source)?.strip_prefix(": ")?.parse().ok());
        numbers.collect::<Vec<u32>>()
    };
    let (a, b) = (of("A"), of("B"));
    assert_eq!(a, (0..).step_by(2).take(a.len()).collect::<Vec<_>>());
    assert_eq!(b, (1..).step_by(2).take(b.len()).collect::<Vec<_>>());
    assert_eq!(a.len() + b.len(), viewer.lines().len(), "nothing else is printed\n{}", viewer.story());
}
