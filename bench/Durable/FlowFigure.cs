using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Client;

namespace LowLatency.Bench.Durable;

/// <summary>Much through a queue that is drained, while a few messages are left in another: what the disk and the memory hold meanwhile.</summary>
internal static class FlowFigure
{
    private const int Size = 1024;
    private const int Steps = 100;

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        string journal = Path.Combine(options.Server.DataFolder, $"flow-{Guid.NewGuid():N}");
        using ServerProcess server = ServerProcess.Start(options.Server, journal);
        long count = (long)(options.FlowGiB * (1L << 30)) / Size;
        options.Progress.Say($"  {options.FlowGiB} GiB in {count:#,0} messages …");
        using var flow = new Filler(server.Address, "flow");
        using var forgotten = new Filler(server.Address, "forgotten");
        using Connection consumer = Connection.Connect(server.Address, new ConnectionOptions { ClientName = "bench consumer", Reconnect = false });
        consumer.Subscribe("flow", (Subscription subscription, in Delivery delivery) => subscription.AckUpTo(delivery.Tag), new SubscriptionOptions { Credit = 16_384 });
        long mostDisk = 0;
        long mostMemory = 0;
        for (int step = 0; step < Steps; step++)
        {
            forgotten.Publish(1, Size);
            flow.Publish(count / Steps, Size);
            mostDisk = Math.Max(mostDisk, new DirectoryInfo(journal).EnumerateFiles().Sum(file => file.Length));
            mostMemory = Math.Max(mostMemory, ProcessCounters.ReadAnonymousBytes(server.ProcessId) ?? 0);
        }
        string what = $"{options.FlowGiB} GiB through a queue that is drained, {Steps} messages of another one forgotten on the way";
        yield return new("flow", $"{what}: most on disk", mostDisk / 1048576.0, "MiB", 1024);
        yield return new("flow", "… most anonymous memory", mostMemory / 1048576.0, "MiB", 256);
    }
}
