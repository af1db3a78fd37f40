import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * What a team would write by hand with Kafka Streams: a combined line in, NDJSON with a pseudonym for the address out, exactly once.
 * It does less than Sluis: one regular expression, one HMAC, no epochs, no search in the text, no retention.
 *
 * <p>Arguments: brokers, input topic, output topic, messages, directory for state. Prints one line of figures and ends.
 */
public final class Pseudonymise {
    private static final Pattern COMBINED = Pattern.compile(
            "(\\S+) \\S+ (\\S+) \\[([^\\]]+)\\] \"(?:(\\S+) (\\S+) HTTP/([^\"]+)|[^\"]*)\" (\\d{3}) (\\d+|-) \"([^\"]*)\" \"([^\"]*)\".*");
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("dd/MMM/yyyy:HH:mm:ss Z", Locale.ROOT);

    private final Matcher matcher = COMBINED.matcher("");
    private final JsonFactory json = new JsonFactory();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
    private final Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
    private final Mac mac;
    private final long total;
    private final CountDownLatch done = new CountDownLatch(1);
    private long seen;
    private volatile long halfCpu;

    private Pseudonymise(long total) throws GeneralSecurityException {
        this.total = total;
        mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, "HmacSHA256"));
    }

    private byte[] clean(byte[] value) {
        seen++;
        if (seen == total / 2) {
            halfCpu = cpu();
        } else if (seen == total) {
            done.countDown();
        }
        if (!matcher.reset(new String(value, StandardCharsets.UTF_8)).matches()) {
            return null;
        }
        out.reset();
        try (JsonGenerator line = json.createGenerator(out)) {
            line.writeStartObject();
            line.writeStringField("time", OffsetDateTime.parse(matcher.group(3), TIME).toInstant().toString());
            byte[] tag = mac.doFinal(matcher.group(1).getBytes(StandardCharsets.UTF_8));
            line.writeStringField("client.address", base64.encodeToString(Arrays.copyOf(tag, 16)));
            String target = matcher.group(5);
            // A few requests are no HTTP.
            if (target != null) {
                line.writeStringField("http.request.method", matcher.group(4));
                int query = target.indexOf('?');
                line.writeStringField("url.path", query < 0 ? target : target.substring(0, query));
                line.writeStringField("network.protocol.version", matcher.group(6));
            }
            line.writeNumberField("http.response.status_code", Integer.parseInt(matcher.group(7)));
            String size = matcher.group(8);
            if (!size.equals("-")) {
                line.writeNumberField("http.response.body.size", Long.parseLong(size));
            }
            line.writeStringField("http.request.header.referer", matcher.group(9));
            line.writeStringField("user_agent.original", matcher.group(10));
            line.writeEndObject();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        return out.toByteArray();
    }

    /** Nanoseconds of CPU of this process. */
    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    public static void main(String[] arguments) throws Exception {
        String input = arguments[1];
        String output = arguments[2];
        long total = Long.parseLong(arguments[3]);
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + output);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);

        Pseudonymise program = new Pseudonymise(total);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .mapValues(program::clean)
                .filter((key, value) -> value != null)
                .to(output, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        long begun = System.nanoTime();
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
            streams.start();
            program.done.await();
            // The last transaction.
            Thread.sleep(300);
            long cpu = cpu();
            double wall = (System.nanoTime() - begun) / 1e9;
            String peak = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmHWM:"))
                    .findFirst()
                    .map(line -> line.replaceAll("\\D", ""))
                    .orElse("0");
            System.out.printf(Locale.ROOT, "messages %d cpu_s %.2f second_half_cpu_s %.2f wall_s %.2f peak_kib %s%n",
                    total, cpu / 1e9, (cpu - program.halfCpu) / 1e9, wall, peak);
        }
    }
}
