import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Requests of Java's admin client and producer that Kafka's command-line tools do not make: java AdminChecks.java BROKERS TOPIC. */
public final class AdminChecks {
    private static final String BROKERS = "bootstrap.servers";

    public static void main(String[] args) throws Exception {
        try (var admin = AdminClient.create(Map.of(BROKERS, args[0]))) {
            var topic = args[1];
            admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get();
            topicsAreFoundByTheirIds(admin, topic);
            everythingIsAllowed(admin, topic);
            everythingIsAllowedOnAGroupOfTheConsumerProtocol(admin, args[0], topic);
            listsAreAppendedTo(admin, topic);
            timestampsAreLimited(args[0], topic);
            sizesAreDescribed(admin, topic);
            topicsAreDeletedByTheirIds(admin, topic);
        }
        System.out.println("holds");
    }

    private static Uuid idOf(AdminClient admin, String topic) throws Exception {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
    }

    private static void topicsAreFoundByTheirIds(AdminClient admin, String topic) throws Exception {
        var id = idOf(admin, topic);
        var found = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
        same(topic, found.name());
        same(2, found.partitions().size());
        var unknown = TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()));
        fails(UnknownTopicIdException.class, admin.describeTopics(unknown).allTopicIds());
    }

    private static void topicsAreDeletedByTheirIds(AdminClient admin, String topic) throws Exception {
        var id = TopicCollection.ofTopicIds(List.of(idOf(admin, topic)));
        admin.deleteTopics(id).all().get();
        fails(UnknownTopicIdException.class, admin.deleteTopics(id).all());
    }

    private static void everythingIsAllowed(AdminClient admin, String topic) throws Exception {
        var cluster = new DescribeClusterOptions().includeAuthorizedOperations(true);
        same("[ALTER, ALTER_CONFIGS, CLUSTER_ACTION, CREATE, DESCRIBE, DESCRIBE_CONFIGS, IDEMPOTENT_WRITE]",
            names(admin.describeCluster(cluster).authorizedOperations().get()));
        var topics = new DescribeTopicsOptions().includeAuthorizedOperations(true);
        var ofTopic = "[ALTER, ALTER_CONFIGS, CREATE, DELETE, DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE]";
        same(ofTopic, names(admin.describeTopics(List.of(topic), topics).allTopicNames().get().get(topic)
            .authorizedOperations()));
        var id = idOf(admin, topic);
        same(ofTopic, names(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id)), topics).allTopicIds().get()
            .get(id).authorizedOperations()));
        // A group that is empty, and so of the classic kind.
        admin.alterConsumerGroupOffsets(topic, Map.of(new TopicPartition(topic, 0),
            new org.apache.kafka.clients.consumer.OffsetAndMetadata(0))).all().get();
        var groups = new DescribeClassicGroupsOptions().includeAuthorizedOperations(true);
        same("[ALTER_CONFIGS, DELETE, DESCRIBE, DESCRIBE_CONFIGS, READ]",
            names(admin.describeClassicGroups(List.of(topic), groups).all().get().get(topic).authorizedOperations()));
    }

    private static void everythingIsAllowedOnAGroupOfTheConsumerProtocol(AdminClient admin, String brokers, String topic)
            throws Exception {
        var group = topic + "-consumer";
        Map<String, Object> settings = Map.of(BROKERS, brokers, "group.id", group, "group.protocol", "consumer");
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
            consumer.subscribe(List.of(topic));
            while (consumer.assignment().isEmpty()) {
                consumer.poll(Duration.ofMillis(100));
            }
            var groups = new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true);
            var described = admin.describeConsumerGroups(List.of(group), groups).all().get().get(group);
            same(GroupType.CONSUMER, described.type());
            same("[ALTER_CONFIGS, DELETE, DESCRIBE, DESCRIBE_CONFIGS, READ]", names(described.authorizedOperations()));
        }
    }

    private static void listsAreAppendedTo(AdminClient admin, String topic) throws Exception {
        alter(admin, topic, "cleanup.policy", "delete", AlterConfigOp.OpType.APPEND).get();
        alter(admin, topic, "compression.type", "zstd", AlterConfigOp.OpType.SET).get();
        fails(InvalidConfigurationException.class,
            alter(admin, topic, "compression.type", "lzo", AlterConfigOp.OpType.SET));
        fails(InvalidConfigurationException.class,
            alter(admin, topic, "retention.ms", "5", AlterConfigOp.OpType.APPEND));
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        same("delete", config.get("cleanup.policy").value());
        same("zstd", config.get("compression.type").value());
    }

    private static Future<Void> alter(AdminClient admin, String topic, String name, String value,
            AlterConfigOp.OpType how) {
        var change = new AlterConfigOp(new ConfigEntry(name, value), how);
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.incrementalAlterConfigs(Map.of(resource, (Collection<AlterConfigOp>) List.of(change))).all();
    }

    private static void timestampsAreLimited(String brokers, String topic) throws Exception {
        Map<String, Object> settings = Map.of(BROKERS, brokers, "compression.type", "none");
        var bytes = new ByteArraySerializer();
        try (var producer = new KafkaProducer<>(settings, bytes, bytes)) {
            long now = System.currentTimeMillis();
            // Bytes that do not compress: a Kafka compresses them by now, the embedded broker leaves them as they come.
            var value = new byte[1000];
            new Random(1).nextBytes(value);
            producer.send(new ProducerRecord<>(topic, 0, now, null, value)).get();
            fails(InvalidTimestampException.class,
                producer.send(new ProducerRecord<>(topic, 0, now + 7_200_000, null, value)));
        }
    }

    private static void sizesAreDescribed(AdminClient admin, String topic) throws Exception {
        var dirs = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1);
        same(1, dirs.size());
        var dir = dirs.values().iterator().next();
        var replica = dir.replicaInfos().get(new TopicPartition(topic, 0));
        same(true, replica.size() > 1000 && replica.size() < 2000);
        same(0L, replica.offsetLag());
        same(0L, dir.replicaInfos().get(new TopicPartition(topic, 1)).size());
        same(true, dir.totalBytes().getAsLong() > dir.usableBytes().getAsLong());
    }

    private static String names(Set<AclOperation> operations) {
        var names = new TreeSet<String>();
        operations.forEach(operation -> names.add(operation.name()));
        return names.toString();
    }

    private static void same(Object expected, Object actual) {
        if (!expected.equals(actual)) {
            throw new AssertionError("expected " + expected + ", got " + actual);
        }
    }

    private static void fails(Class<? extends Exception> how, Future<?> future) throws Exception {
        try {
            future.get();
        } catch (ExecutionException error) {
            same(how, error.getCause().getClass());
            return;
        }
        throw new AssertionError("no " + how.getSimpleName());
    }
}
