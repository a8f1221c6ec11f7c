//! Several lanes on one publisher, with the embedded broker.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use broker::Broker;
use common::books::ProducerBooks;
use common::time::{Clock, SystemClock};
use kafka::{Admin, ConnectTimeout, Connection, NewTopic};
use producer::{
    DropPolicy, EncodeOptions, Fit, FrameEncoder, FramePublisher, Lane, Pace, Picture, PublishOptions, SourcePicture,
    Subsampling, TopicKeeper, TopicOptions,
};

const TIMEOUT: Duration = Duration::from_secs(20);

struct World {
    clock: Arc<dyn Clock>,
    connection: Connection,
    broker: Broker,
}

impl World {
    fn new() -> World {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let brokers = listener.local_addr().expect("it is bound").to_string();
        let broker = Broker::start(broker::Options::default(), listener).expect("a broker starts");
        let connection = Connection { brokers, named: true, properties: Default::default() };
        World { clock: Arc::new(SystemClock), connection, broker }
    }

    fn publisher(&self, drop_policy: DropPolicy) -> Arc<FramePublisher> {
        let patience = ConnectTimeout { timeout: TIMEOUT, clock: &*self.clock, wanted: &|| true };
        let admin = Admin::connect(&self.connection, "test", &patience).expect("the broker answers");
        let topic = NewTopic::named("video");
        let topic = TopicOptions { topic, create: true, message_bytes_max: None, headers: Vec::new(), fit: Fit::Split };
        let limit = TopicKeeper::new(admin, topic, &self.connection).prepare(TIMEOUT).expect("it makes the topic");
        let options = PublishOptions { drop_policy, limit, ..PublishOptions::new("video") };
        FramePublisher::connect(&self.connection, options, &patience, self.clock.clone()).expect("it connects")
    }

    fn lane(&self, publisher: &Arc<FramePublisher>, source: &str) -> Lane {
        Lane {
            pace: Some(Pace::Rate(200.0)),
            duration: None,
            timeout: TIMEOUT,
            session: publisher.session(source),
            encoder: FrameEncoder::new(&EncodeOptions::default(), self.clock.clone()).expect("an encoder"),
            stop: Arc::default(),
        }
    }
}

/// A source of so many grey pictures.
fn grey(pictures: u64) -> impl FnMut(Picture) -> Result<Option<SourcePicture>, producer::BoxError> + Send {
    let mut numbers = 0..pictures;
    move |mut picture| {
        let Some(number) = numbers.next() else { return Ok(None) };
        picture.reshape(64, 48, Subsampling::S420);
        picture.planes_mut().into_iter().for_each(|plane| plane.fill(128));
        let pts = Duration::from_millis(5 * number);
        Ok(Some(SourcePicture { picture, pts, number: Some(number), due: None, captured: None }))
    }
}

#[test]
fn two_lanes_share_one_connection_and_have_books_of_their_own() {
    let world = World::new();
    let publisher = world.publisher(DropPolicy::EveryFrame);
    let lanes = [("lobby", 30), ("yard", 50)].map(|(source, pictures)| {
        let lane = world.lane(&publisher, source);
        let number = lane.session.number();
        (number, pictures, thread::spawn(move || lane.run(grey(pictures))))
    });
    for (number, pictures, lane) in lanes {
        lane.join().expect("it does not panic").expect("all is published");
        let books = publisher.with_books(number, ProducerBooks::clone);
        assert_eq!((books.captured, books.acknowledged), (pictures, pictures));
        assert_eq!(books.latencies.total.histogram().len(), pictures);
    }
    let glance = world.broker.snapshot().expect("it serves");
    let producers = glance.clients.iter().filter(|client| client.produces || client.has_producer_id).count();
    assert_eq!(producers, 1, "{:?}", glance.clients);
    drop(publisher);
    world.broker.stop().expect("it stops");
}

#[test]
fn a_lane_that_ends_leaves_the_other_alone() {
    let world = World::new();
    let publisher = world.publisher(DropPolicy::NewestWins { in_flight_time: Duration::from_secs(1) });
    let (short, long) = (world.lane(&publisher, "short"), world.lane(&publisher, "long"));
    let numbers = [short.session.number(), long.session.number()];
    let long = thread::spawn(move || long.run(grey(100)));
    let failing = |_| Err("the camera was unplugged".into());
    let error = short.run(failing).expect_err("its source fails");
    assert_eq!(error.to_string(), "the camera was unplugged");
    long.join().expect("it does not panic").expect("it ends with its source");
    let books = numbers.map(|number| publisher.with_books(number, ProducerBooks::clone));
    assert_eq!(books[0].captured, 0);
    assert_eq!(books[1].captured, 100);
    assert!(books[1].balanced() && books[1].acknowledged > 0);
}
