//! A hundred chatters, ten thousand messages, and a broker that is killed in the middle.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chat::{ChatEvent, ChatLine, ChatOptions, ChatReader, ChatStart, ChatWriter};
use common::time::{Clock, SystemClock};
use kafka::{Delivery, KafkaArgs};
use testkit::kafka::{only, own_kafka};
use testkit::{BrokerKind, KafkaServer};

use super::{vidchat, words};

/// Chatters in this process, and vidchats that are fed through pipes.
const INSIDE: usize = 98;
const PIPES: usize = 2;
const MESSAGES: usize = 100;
/// Readers in this process.
const READERS: usize = 10;
/// vidchats that print.
const PRINTERS: usize = 2;
const LAST_WORDS: &str = "end: that was all";

/// Makes requests fewer and larger, and attempts to connect rarer, because all these clients share the machine with the broker
/// that they wait for.
const SPARING: [(&str, &str); 5] = [
    ("fetch.min.bytes", "65536"),
    ("fetch.wait.max.ms", "300"),
    ("linger.ms", "50"),
    ("reconnect.backoff.ms", "300"),
    ("reconnect.backoff.max.ms", "1000"),
];

fn options(kafka: &KafkaServer, beside: &str) -> ChatOptions {
    let properties = SPARING.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let args = KafkaArgs { brokers: Some(kafka.bootstrap()), properties, ..KafkaArgs::default() };
    ChatOptions::new(beside, &args, "chatter").unwrap()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

type Ticket = (String, Sender<(String, Delivery)>);

fn writer(options: &ChatOptions) -> ChatWriter<Ticket> {
    let delivered = |(text, to): Ticket, delivery| to.send((text, delivery)).unwrap();
    ChatWriter::connect(options, None, clock(), &|| true, |_| {}, delivered).unwrap()
}

/// Starts a reader, which ends after the last words with all lines that it has read, as in `c7: 42`.
fn reader(options: ChatOptions) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut reader = ChatReader::new(&options, ChatStart::Beginning, clock()).unwrap();
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != LAST_WORDS) {
            if let ChatEvent::Message(message) = reader.next(Duration::from_millis(100)).unwrap() {
                lines.push(format!("{}: {}", message.name, message.text));
            }
        }
        lines
    })
}

/// Makes the chatters, several at a time.
fn writers(options: &ChatOptions) -> Vec<(String, ChatWriter<Ticket>)> {
    let made = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for part in 0..8 {
            let made = &made;
            scope.spawn(move || {
                for n in (part..INSIDE).step_by(8) {
                    let writer = writer(options);
                    made.lock().unwrap().push((format!("c{n}"), writer));
                }
            });
        }
    });
    made.into_inner().unwrap()
}

/// The texts that were acknowledged, once all are settled.
fn acknowledged(deliveries: &Receiver<(String, Delivery)>, count: usize) -> Vec<String> {
    let settled = (0..count).map(|_| deliveries.recv_timeout(testkit::GUARD).expect("each is settled"));
    settled.filter(|(_, delivery)| *delivery == Delivery::Acknowledged).map(|(text, _)| text).collect()
}

#[test]
fn a_hundred_chatters_read_every_acknowledged_message_once_and_in_order() {
    only(BrokerKind::Real, "acknowledged messages outlive the broker only there");
    let kafka = own_kafka();
    let beside = kafka.topic("hundred");
    let options = options(&kafka, &beside);
    let writers = writers(&options);
    let readers: Vec<_> = (0..READERS).map(|_| reader(options.clone())).collect();
    let mut printers: Vec<_> =
        (0..PRINTERS).map(|_| vidchat(&kafka, &beside).args(["--print", "--from-beginning"]).start()).collect();
    let pipe = |n: usize| {
        let args = ["--name".to_owned(), format!("pipe{n}")];
        let mut pipe = vidchat(&kafka, &beside).args(args).stdin(Stdio::piped()).start();
        let input = pipe.input();
        (pipe, input)
    };
    let (pipes, mut inputs): (Vec<_>, Vec<_>) = (0..PIPES).map(pipe).unzip();
    let (to, deliveries) = channel();
    for message in 0..MESSAGES {
        if message == MESSAGES / 2 {
            kafka.kill();
        }
        if message == MESSAGES * 6 / 10 {
            kafka.restart();
        }
        for (name, writer) in &writers {
            let line = ChatLine::said(name, &message.to_string()).unwrap();
            assert!(writer.write(&line, (format!("{name}: {message}"), to.clone())).is_none(), "there is room");
        }
        for input in &mut inputs {
            std::io::Write::write_all(input, format!("{message}\n").as_bytes()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(inputs);
    let acknowledged = acknowledged(&deliveries, INSIDE * MESSAGES);
    for pipe in pipes {
        pipe.wait().ok();
    }
    writers[0].1.write(&ChatLine::said("end", "that was all").unwrap(), (String::new(), to));
    let everyone: Vec<Vec<String>> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    let lines = &everyone[0];
    assert!(everyone.iter().all(|other| other == lines), "all read the same in the same order");
    for printer in &mut printers {
        printer.until_stdout("the end", |out| words(out).last().is_some_and(|line| line == LAST_WORDS));
    }
    for printer in printers {
        assert_eq!(&words(&printer.interrupt().ok().text()), lines, "vidchat prints the same");
    }
    assert_eq!(acknowledged.len(), INSIDE * MESSAGES, "a broker that comes back is waited for");
    let mut counts = BTreeMap::<&str, usize>::new();
    lines.iter().for_each(|line| *counts.entry(line).or_default() += 1);
    let count_of = |text: &String| counts.get(text.as_str()).copied().unwrap_or(0);
    let others: Vec<(&String, usize)> =
        acknowledged.iter().map(|text| (text, count_of(text))).filter(|(_, count)| *count != 1).collect();
    assert!(others.is_empty(), "each is there once, but {others:?}");
    assert_eq!(lines.len(), (INSIDE + PIPES) * MESSAGES + 1, "and nothing else is");
    let names = (0..INSIDE).map(|n| format!("c{n}: ")).chain((0..PIPES).map(|n| format!("pipe{n}: ")));
    for name in names {
        let own: Vec<usize> = lines.iter().filter_map(|line| line.strip_prefix(&name)?.parse().ok()).collect();
        assert_eq!(own, (0..MESSAGES).collect::<Vec<_>>(), "{name}in order");
    }
}
