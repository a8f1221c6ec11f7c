//! confluent-kafka, which is librdkafka used from Python.

mod records {
    use testkit::BrokerKind;
    use testkit::kafka::only;

    super::super::checks! { "confluent_records.py":
        acks_of_0_1_and_all_deliver
        acknowledged_offsets_are_those_that_are_read
        an_idempotent_producer_keeps_order_without_duplicates
        every_codec_is_read_back
        keys_headers_timestamps_and_nulls_come_back
        a_message_above_the_limit_is_refused_and_the_next_one_is_not
        messages_of_megabytes_go_through_where_the_topic_allows
        a_partition_is_assigned_at_an_offset_the_begin_the_end_or_its_tail
        keys_spread_over_partitions_and_each_keeps_its_order
        offsets_are_found_by_time
        an_offset_out_of_range_is_reset_or_an_error
        a_reader_seeks_pauses_and_goes_on
        a_read_committed_consumer_reads_records_outside_transactions
        a_reader_that_waits_gets_what_is_written_later
        the_topic_of_a_producer_is_created
    }

    #[test]
    fn an_unknown_topic_is_an_error_without_automatic_creation() {
        super::super::check_without_auto_create(
            "confluent_records.py",
            "an_unknown_topic_is_an_error_without_automatic_creation",
        );
    }

    #[test]
    fn a_topic_that_stamps_by_append_does_so() {
        only(BrokerKind::Real, "the embedded broker refuses LogAppendTime, in words");
        super::super::check("confluent_records.py", "a_topic_that_stamps_by_append_does_so");
    }

    #[test]
    fn transactions_are_refused() {
        only(BrokerKind::Embedded, "a real Kafka has transactions");
        super::super::check("confluent_records.py", "transactions_are_refused");
    }
}

mod groups {
    super::super::checks! { "confluent_groups.py":
        two_members_share_four_partitions_and_one_takes_over
        cooperative_members_share_and_take_over
        each_message_goes_to_one_member
        a_group_goes_on_where_it_was
        offsets_are_committed_by_themselves
        a_client_outside_an_active_group_cannot_commit
        a_static_member_comes_back_to_its_partitions
    }
}

mod consumer_groups {
    super::super::checks! { "confluent_consumer_groups.py":
        a_member_consumes_and_commits
        two_members_share_four_partitions_and_one_takes_over
        a_regular_expression_finds_topics_that_come_later
        partitions_that_are_added_are_assigned
        a_static_member_comes_back_to_its_partitions
        the_group_is_listed_described_and_deleted
    }
}

mod admin {
    super::super::checks! { "confluent_admin.py":
        topics_are_created_listed_described_and_deleted
        wrong_topics_are_refused_by_name
        settings_are_described
        settings_are_altered_and_hold
        a_meaningless_setting_is_refused
        the_cluster_is_described
        partitions_are_added
        records_are_deleted
        offsets_are_listed
        groups_are_listed_described_altered_and_deleted
    }
}
