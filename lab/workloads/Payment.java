import com.sun.net.httpserver.HttpServer;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;

/**
 * The payment service on a managed runtime: each request allocates 64..256 KiB, appends its id to a journal, forces it to
 * disk and answers with the id. With --leak-mb-s a thread keeps everything it allocates from --fault-at-ms on. With
 * --garbage-mb-s it serves nothing and only makes garbage for --seconds.
 */
public final class Payment {
  private static final int MIB = 1 << 20;
  private static FileChannel journal;
  private static volatile Object sink;

  public static void main(String[] args) throws Exception {
    int garbage = Integer.parseInt(option(args, "--garbage-mb-s", "0"));
    if (garbage > 0) {
      makeGarbage(garbage, Integer.parseInt(option(args, "--seconds", "20")));
      return;
    }
    String events = option(args, "--events", "/dev/null");
    journal = FileChannel.open(Path.of(option(args, "--journal", "journal")),
        StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(option(args, "--port", "8080"))), 64);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/pay", exchange -> {
      String id = exchange.getRequestURI().getQuery().substring("id=".length());
      byte[] work = new byte[64 * 1024 + Math.floorMod(id.hashCode(), 192 * 1024)];
      sink = work;
      commit(id);
      byte[] body = id.getBytes(StandardCharsets.US_ASCII);
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    server.start();
    int leak = Integer.parseInt(option(args, "--leak-mb-s", "0"));
    long faultAtMs = Long.parseLong(option(args, "--fault-at-ms", "0"));
    if (leak > 0) {
      Thread filler = new Thread(() -> leak(leak, faultAtMs, events), "cache-filler");
      filler.setDaemon(true);
      filler.start();
    }
    event(events, "ready", "payment");
  }

  private static synchronized void commit(String id) throws IOException {
    ByteBuffer line = ByteBuffer.wrap((id + "\n").getBytes(StandardCharsets.US_ASCII));
    while (line.hasRemaining()) journal.write(line);
    journal.force(false);
  }

  private static void leak(int mbPerSecond, long faultAtMs, String events) {
    List<byte[]> kept = new ArrayList<>();
    try {
      Thread.sleep(Math.max(0, faultAtMs - System.nanoTime() / 1_000_000));
      event(events, "onset", "payment leaks " + mbPerSecond + " MB/s of heap");
      double debt = 0;
      for (long last = System.nanoTime(); ; ) {
        long now = System.nanoTime();
        debt = Math.min(mbPerSecond, debt + (now - last) / 1e9 * mbPerSecond);
        last = now;
        for (; debt >= 1; debt--) {
          byte[] piece = new byte[MIB];
          Arrays.fill(piece, (byte) 1);
          kept.add(piece);
        }
        Thread.sleep(5);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (OutOfMemoryError e) {
      int pieces = kept.size();
      kept.clear();
      event(events, "heap_limit", "OutOfMemoryError after " + pieces + " MB, the thread ends");
    }
  }

  private static void makeGarbage(int mbPerSecond, int seconds) throws InterruptedException {
    byte[][] recent = new byte[32][];
    for (int i = 0; i < mbPerSecond * seconds; i++) {
      byte[] piece = new byte[MIB];
      Arrays.fill(piece, (byte) i);
      recent[i % recent.length] = piece;
      sink = recent;
      Thread.sleep(Math.max(1, 1000 / mbPerSecond));
    }
  }

  private static void event(String file, String event, String detail) {
    String line = "{\"t_ns\":" + System.nanoTime() + ",\"event\":\"" + event + "\",\"detail\":\"" + detail + "\"}\n";
    try (FileOutputStream out = new FileOutputStream(file, true)) {
      out.write(line.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      System.err.println("cannot log " + event + " to " + file + ": " + e.getMessage());
    }
  }

  private static String option(String[] args, String name, String otherwise) {
    for (int i = 0; i + 1 < args.length; i++) if (args[i].equals(name)) return args[i + 1];
    return otherwise;
  }
}
