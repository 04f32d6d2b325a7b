using System.Diagnostics;
using System.Globalization;
using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Crash;

/// <summary>Kills a real broker with SIGKILL at random times under load, again and again, and holds it to its word.</summary>
/// <remarks>LOWLATENCY_KILLS sets the number of kills of each run, LOWLATENCY_KILL_SEED the seed.</remarks>
public sealed class KillCycleTests(ITestOutputHelper output)
{
    private const int DefaultKills = 10;
    private const int Window = 1000;

    [Theory]
    [InlineData(DurabilityLevel.Process)]
    [InlineData(DurabilityLevel.Disk)]
    public void ShouldLoseReorderAndInventNothingWhenKilled(DurabilityLevel level)
    {
        int kills = Setting("LOWLATENCY_KILLS", DefaultKills);
        int seed = Setting("LOWLATENCY_KILL_SEED", Environment.TickCount);
        output.WriteLine($"level {level}, {kills} kills, LOWLATENCY_KILL_SEED={seed}");
        string directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;
        var random = new Random(seed);
        var ledger = new CrashLedger(seed);

        BrokerProcess broker = BrokerProcess.Start(directory, "tcp://127.0.0.1:0", "--segment-size", "4MiB");
        string address = broker.Address;
        try
        {
            using Connection connection = Connection.Connect(address);
            connection.DeclareQueue("orders");
            using Publication publication = connection.OpenPublication(new PublicationOptions
            {
                RoutingKey = "orders",
                PublisherName = "kill-cycle",
                Durability = level,
                Window = Window,
                OnConfirm = (_, sequence, _) => ledger.OnConfirmed((long)sequence),
            });
            using Connection reader = Connection.Connect(address);
            var acks = new Random(seed + 1);
            reader.Subscribe("orders", (Subscription subscription, in Delivery delivery) =>
            {
                ledger.OnDelivered(delivery.Body, delivery.IsRedelivered);
                if (acks.Next(16) == 0)
                    subscription.AckUpTo(delivery.Tag);
            });

            bool isPublishing = true;
            var publisher = new Thread(() => Publish(publication, ledger, ref isPublishing));
            publisher.Start();
            for (int i = 0; i < kills; i++)
            {
                // The time is the kill's, not the test's patience: at least some messages, then a random while.
                long from = ledger.Confirmed;
                WaitFor(() => ledger.Confirmed > from, "a message is confirmed");
                var until = Stopwatch.StartNew();
                int us = random.Next(60_000);
                SpinWait.SpinUntil(() => until.Elapsed.TotalMicroseconds >= us);
                broker.Kill();
                broker.Dispose();
                broker = BrokerProcess.Start(directory, address, "--segment-size", "4MiB");
            }
            Volatile.Write(ref isPublishing, false);
            publisher.Join();
            WaitFor(() => publication.IsIdle, "all is confirmed");
            WaitFor(() => ledger.ReceivedCount >= ledger.Published, "all is delivered");
        }
        finally
        {
            broker.Dispose();
        }
        ledger.Close();
        output.WriteLine($"published {ledger.Published}, received {ledger.ReceivedCount}, repeats {ledger.RepeatCount}");
        Assert.True(ledger.Broken.Count == 0, $"LOWLATENCY_KILL_SEED={seed} LOWLATENCY_KILLS={kills}: {ledger.Broken.Count} broken, first: {string.Join("; ", ledger.Broken.Take(10))}");
        Assert.True(ledger.Published > kills);
        Directory.Delete(directory, recursive: true);
    }

    private static void Publish(Publication publication, CrashLedger ledger, ref bool isPublishing)
    {
        Span<byte> body = stackalloc byte[1024];
        var spin = new SpinWait();
        for (long number = 1; Volatile.Read(ref isPublishing);)
        {
            // In steps, so that the load is some ten thousand messages a second and not the machine's whole time.
            if (publication.TryPublish(body[..ledger.Write(number, body)]) == PublishStatus.Accepted)
                ledger.OnPublished(number++);
            spin.SpinOnce(sleep1Threshold: number % 16 == 0 ? 0 : -1);
        }
    }

    private static void WaitFor(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30)), $"not within 30 s: {what}");

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
