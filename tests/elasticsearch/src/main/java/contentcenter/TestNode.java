package contentcenter;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.Build;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.network.NetworkAddress;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One node on loopback: {@code TestNode HOME DATA PORT}, port 0 = any free one.
 *
 * <p>Prints {@code ready VERSION http://HOST:PORT} when it answers, and ends with its standard
 * input, so that it never outlives the process that started it.
 */
public final class TestNode {
    private TestNode() {}

    public static void main(String[] arguments) throws Exception {
        LogConfigurator.configureESLogging();
        Path home = Path.of(arguments[0]);
        Path data = Files.createDirectories(Path.of(arguments[1]));
        Node node = new Node(environment(home, data, arguments[2]), plugins(home));
        node.start();
        var address = node.injector().getInstance(HttpServerTransport.class).boundAddress();
        System.out.println("ready " + Build.current().version()
            + " http://" + NetworkAddress.format(address.publishAddress().address()));
        while (System.in.read() >= 0) {
            // Whatever is said, only the end counts.
        }
        // No orderly close: what was acknowledged is in the transaction log.
        System.exit(0);
    }

    private static Environment environment(Path home, Path data, String port) {
        Settings settings = Settings.builder()
            .put("path.home", home)
            .put("path.data", data)
            .put("path.logs", data.resolve("logs"))
            .put("cluster.name", "contentcenter-tests")
            .put("node.name", "test")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", port)
            .put("transport.port", "0")
            .put("action.auto_create_index", "false")
            .put("cluster.routing.allocation.disk.threshold_enabled", "false")
            .build();
        return InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), data, () -> "test");
    }

    private static PluginsLoader plugins(Path home) {
        var modules = PluginsLoader.loadModulesBundles(home.resolve("modules"), false);
        return PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false);
    }
}
