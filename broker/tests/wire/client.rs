//! A small blocking client, and the requests that tests use most.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use broker::fuzzing::log::builder::Spec;
use broker::{Broker, Options};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, FetchRequest, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};

/// Timeout of a test that hangs; no test takes that long.
pub const GUARD: Duration = Duration::from_secs(30);

pub fn start(options: Options) -> Broker {
    Broker::start(options, TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

pub fn text(words: &str) -> StrBytes {
    StrBytes::from_string(words.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Waits until it is so. No test waits longer than necessary, whatever the machine.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    const LOOK: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while !is_so() {
        assert!(waited < GUARD, "waited in vain for {what}");
        sleep(LOOK);
        waited += LOOK;
    }
}

#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    correlation: i32,
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.set_write_timeout(Some(GUARD)).unwrap();
        Client { stream, correlation: 0 }
    }

    /// Sends a request; returns its correlation id.
    pub fn send<R: Request + Encodable + HeaderVersion>(&mut self, request: &R, version: i16) -> i32 {
        self.correlation += 1;
        self.send_frame(&frame(request, version, self.correlation));
        self.correlation
    }

    pub fn send_frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        self.stream.write_all(&[&length, frame].concat()).unwrap();
    }

    /// The next answer; `None` if the broker closed the connection.
    pub fn receive(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        let mut body = Vec::new();
        let read = self.stream.read_exact(&mut length).and_then(|()| {
            body.resize(u32::from_be_bytes(length) as usize, 0);
            self.stream.read_exact(&mut body)
        });
        match read {
            Ok(()) => Some(body.into()),
            Err(error) if is_timeout(error.kind()) => panic!("the broker does not answer"),
            Err(_) => None,
        }
    }

    pub fn is_hung_up(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => panic!("an answer where there should be none"),
            Err(error) => !is_timeout(error.kind()),
        }
    }

    /// The answer to the request with this id; `None` at the end of the connection.
    pub fn answer<R: Request>(&mut self, correlation: i32, version: i16) -> Option<R::Response> {
        let mut bytes = self.receive()?;
        let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, correlation, "answers come in order");
        let answer = R::Response::decode(&mut bytes, version).unwrap();
        assert!(!bytes.has_remaining(), "{} bytes follow the answer", bytes.remaining());
        Some(answer)
    }

    pub fn try_ask<R: Request + Encodable + HeaderVersion>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Option<R::Response> {
        let correlation = self.send(request, version);
        self.answer::<R>(correlation, version)
    }

    pub fn ask<R: Request + Encodable + HeaderVersion>(&mut self, request: &R, version: i16) -> R::Response {
        let answer = self.try_ask(request, version);
        answer.unwrap_or_else(|| panic!("the broker hung up on {:?} v{version}", ApiKey::try_from(R::KEY)))
    }

    pub fn make(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let topic = CreatableTopic::default()
            .with_name(topic_name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(configs.iter().map(config).collect());
        let made = self.ask(&CreateTopicsRequest::default().with_topics(vec![topic]), 5);
        assert_eq!(made.topics[0].error_code, 0, "{:?}", made.topics[0].error_message);
    }

    pub fn produce(&mut self, topic: &str, partition: i32, batch: Bytes) -> PartitionProduceResponse {
        let mut answer = self.ask(&produce(topic, &[(partition, batch)]), 8);
        answer.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches what can be read at once from one partition.
    pub fn fetch(&mut self, topic: &str, partition: i32, from: i64) -> PartitionData {
        let mut answer = self.ask(&fetch(topic, &[(partition, from)]), 11);
        answer.responses.remove(0).partitions.remove(0)
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub fn frame<R: Request + Encodable + HeaderVersion>(request: &R, version: i16, correlation: i32) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(text("test")));
    let mut bytes = BytesMut::new();
    encode_request_header_into_buffer(&mut bytes, &header).unwrap();
    request.encode(&mut bytes, version).unwrap_or_else(|e| panic!("{:?} v{version}: {e}", ApiKey::try_from(R::KEY)));
    bytes.to_vec()
}

pub fn produce(topic: &str, batches: &[(i32, Bytes)]) -> ProduceRequest {
    let part = |(index, batch): &(i32, Bytes)| {
        PartitionProduceData::default().with_index(*index).with_records(Some(batch.clone()))
    };
    let topic = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_partition_data(batches.iter().map(part).collect());
    ProduceRequest::default().with_acks(-1).with_timeout_ms(1000).with_topic_data(vec![topic])
}

/// A fetch from some partitions, without waiting and without a limit.
pub fn fetch(topic: &str, partitions: &[(i32, i64)]) -> FetchRequest {
    let part = |(index, from): &(i32, i64)| {
        FetchPartition::default().with_partition(*index).with_fetch_offset(*from).with_partition_max_bytes(i32::MAX)
    };
    let topic =
        FetchTopic::default().with_topic(topic_name(topic)).with_partitions(partitions.iter().map(part).collect());
    FetchRequest::default().with_max_wait_ms(0).with_min_bytes(1).with_max_bytes(i32::MAX).with_topics(vec![topic])
}

/// A batch of one record of this size.
pub fn batch(value_bytes: usize) -> Bytes {
    Spec { value_bytes, ..Spec::plain(1) }.build()
}

/// The batches in an answer: base offset, leader epoch, and all bytes from the magic byte on.
pub fn batches(records: Option<&Bytes>) -> Vec<(i64, i32, Bytes)> {
    let mut rest = records.cloned().unwrap_or_default();
    let mut batches = Vec::new();
    while rest.has_remaining() {
        let base_offset = rest.get_i64();
        let length = rest.get_i32() as usize;
        let mut one = rest.split_to(length);
        batches.push((base_offset, one.get_i32(), one));
    }
    batches
}

/// The base offset of each batch in an answer.
pub fn offsets(records: Option<&Bytes>) -> Vec<i64> {
    batches(records).into_iter().map(|(base, ..)| base).collect()
}
