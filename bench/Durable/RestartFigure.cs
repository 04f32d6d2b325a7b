using LowLatency.Bench.Brokers;
using LowLatency.Bench.Reports;
using LowLatency.Client;

namespace LowLatency.Bench.Durable;

/// <summary>From the start of a process on the journal of one that was killed until it accepts connections.</summary>
internal static class RestartFigure
{
    private const string Caches = "/proc/sys/vm/drop_caches";

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        foreach ((long count, int size, double target) in new[] { (1_000_000L, 1024, 1000.0), (10_000_000L, 128, 3000.0) })
        {
            long scaled = Math.Max(1000, (long)(count * options.Scale));
            foreach (Figure figure in Measure(options, $"{scaled:#,0} live messages of {size:#,0} B", target, server =>
            {
                using var filler = new Filler(server.Address, "live");
                filler.Publish(scaled, size);
            }))
                yield return figure;
        }
        foreach (Figure figure in Measure(options, "nothing live, a tail of 64 MiB", 300, server =>
        {
            using (var filler = new Filler(server.Address, "gone"))
                filler.Publish(62 * 1024, 1024 - 128);
            using Connection connection = Connection.Connect(server.Address, new ConnectionOptions { Reconnect = false });
            connection.PurgeQueue("gone");
        }))
            yield return figure;
    }

    private static List<Figure> Measure(JournalBenchOptions options, string what, double targetMs, Action<ServerProcess> fill)
    {
        string journal = Path.Combine(options.Server.DataFolder, $"restart-{Guid.NewGuid():N}");
        options.Progress.Say($"  {what} …");
        ServerProcess server = ServerProcess.Start(options.Server, journal);
        fill(server);
        server.Kill();
        List<double> warm = Restart(options, journal, dropCaches: false);
        var figures = new List<Figure> { new("restart", $"restart after a kill, {what}, from the page cache", Median(warm), "ms", targetMs) };
        if (CanDropCaches())
            figures.Add(new("restart", "… from the disk", Median(Restart(options, journal, dropCaches: true)), "ms"));
        Directory.Delete(journal, recursive: true);
        return figures;
    }

    private static List<double> Restart(JournalBenchOptions options, string journal, bool dropCaches)
    {
        var times = new List<double>();
        for (int i = 0; i < options.Runs; i++)
        {
            if (dropCaches)
                File.WriteAllText(Caches, "1"); // Pages that are not written yet stay.
            ServerProcess server = ServerProcess.Start(options.Server, journal);
            times.Add(server.StartMs);
            server.Kill();
        }
        return times;
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private static bool CanDropCaches()
    {
        try
        {
            File.WriteAllText(Caches, "1");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
