//! kafka-python, which has its own implementation of the protocol.

mod records {
    use testkit::BrokerKind;
    use testkit::kafka::only;

    super::super::checks! { "kafka_python_records.py":
        acks_of_0_1_and_all_deliver
        an_idempotent_producer_keeps_order_without_duplicates
        every_codec_is_read_back
        keys_headers_timestamps_and_nulls_come_back
        a_message_above_the_limit_is_refused
        begin_end_and_times_are_found
        an_offset_out_of_range_is_reset_or_an_error
        a_read_committed_consumer_reads_records_outside_transactions
        a_group_goes_on_where_it_was
        two_members_share_the_partitions
    }

    #[test]
    fn transactions_are_refused() {
        only(BrokerKind::Embedded, "a real Kafka has transactions");
        super::super::check("kafka_python_records.py", "transactions_are_refused");
    }
}

mod admin {
    super::super::checks! { "kafka_python_admin.py":
        topics_are_created_listed_described_and_deleted
        settings_are_described_and_altered
        the_cluster_is_described
        partitions_are_added
        records_are_deleted
        offsets_are_listed
        groups_are_listed_described_altered_and_deleted
    }
}
