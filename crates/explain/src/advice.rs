//! Advice for a cause whose cure depends on the broker, the source or the path to the broker.

use crate::evidence::{Evidence, SourceKind};

/// Rate that a wired local network carries easily.
const EASY_BYTES_PER_SECOND: u64 = 5_000_000;

/// The path from the client to the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Path {
    /// All addresses of the broker are on this machine.
    Loopback,
    /// A network, at a rate that hardly any wired network is too slow for.
    EasyNetwork,
    Network,
}

impl Evidence {
    fn path(&self) -> Path {
        match self.context.bytes_per_second {
            _ if self.client.loopback => Path::Loopback,
            0..EASY_BYTES_PER_SECOND => Path::EasyNetwork,
            _ => Path::Network,
        }
    }

    /// Advice if the source is late.
    pub(super) fn source_advice(&self) -> &'static str {
        match self.context.source {
            SourceKind::Unknown => "look at what feeds vidprod: the pipe's other end, the camera, the network",
            SourceKind::TestCard => "look at what else takes the processor, which draws the test card",
            SourceKind::File => "look at the disk that the file is on, and at what else takes the processor",
            SourceKind::Pipe => "look at the program that writes into the pipe",
            SourceKind::Camera => {
                "look at the camera: its cable, and the light, as in the dark many give fewer pictures"
            }
            SourceKind::Network => "look at the camera or server that the pictures come from, and the network to it",
        }
    }

    /// Advice if the path to the broker and back is slow now and then, and nothing else is known.
    pub(super) fn network_advice(&self) -> String {
        match self.path() {
            Path::Loopback => "look at what else takes this machine's processor, which the broker needs too".to_owned(),
            Path::Network => "look at the network and at what the broker's machine does besides".to_owned(),
            Path::EasyNetwork => format!(
                "look at what the broker's machine does besides; {:.1} MB/s is little for a network, unless it is wireless",
                self.context.bytes_per_second as f64 / 1e6
            ),
        }
    }

    /// Advice if the broker is slow to answer now and then.
    pub(super) fn broker_advice(&self) -> &'static str {
        match (self.context.embedded_broker, self.client.loopback) {
            (true, true) => "look at what else takes this machine's processor: the broker keeps everything in memory",
            (true, false) => {
                "look at what else takes the processor of the broker's machine: it keeps everything in memory"
            }
            (false, _) if self.client.brokers == 1 => "look at the broker's disk and load",
            (false, _) => "look at the broker's disks and load; -X acks=1 does without its replicas' word",
        }
    }

    /// Advice if more is published than the link carries.
    pub(super) fn link_advice(&self) -> &'static str {
        if self.client.loopback {
            "a smaller --size, a lower --quality or --fps; or, as the broker's address is on this machine, look at what \
             else takes its processor, and at a tunnel or proxy in between"
        } else {
            "a smaller --size, a lower --quality or --fps; or a faster network"
        }
    }

    /// Advice if even the fastest answer takes long.
    pub(super) fn distance_advice(&self) -> &'static str {
        if self.client.loopback {
            "the broker's address is on this machine, so look at the tunnel, proxy or container in between"
        } else {
            "a broker nearer by, or a quicker network"
        }
    }

    /// Advice if connections broke.
    pub(super) fn connection_advice(&self) -> String {
        let log = if self.context.embedded_broker { "what the embedded broker prints" } else { "the broker's log" };
        let network = if self.client.loopback { "whether the broker was restarted" } else { "the network" };
        format!("look at {network} and at {log}; -v shows when")
    }

    /// Advice if scaling takes long.
    pub(super) fn scaling_advice(&self) -> &'static str {
        if self.context.window_size_given {
            "omit --window-size, or give vidprod a --size to match it"
        } else {
            "make the window as large as the picture, or give vidprod a --size to match it"
        }
    }
}
