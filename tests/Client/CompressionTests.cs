using LowLatency.Client;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>Compression between a client and a broker, both whole. That it changes nothing else is what <see cref="CompressedTcpClientTests"/> is for.</summary>
public sealed class CompressionTests
{
    private const string NoLibrary = "liblz4-of-nowhere.so";

    private static readonly QueueOptions Transient = new() { Durable = false };

    [Theory]
    [InlineData(true, null, null, null)]
    [InlineData(false, null, null, "does not compress")]
    [InlineData(true, NoLibrary, null, "does not compress")]
    [InlineData(true, null, NoLibrary, $"{NoLibrary} is not on this machine")]
    public void ShouldWorkWithAndWithoutTheLibrary(bool isOn, string? atTheBroker, string? atTheClient, string? reason)
    {
        List<string> notices = [];
        using Broker broker = Start(isOn, atTheBroker, notices);
        foreach (bool inAddress in new[] { true, false })
        {
            using Connection connection = Connect(broker.Addresses[0] + (inAddress ? "?compress" : ""), compress: !inAddress, library: atTheClient);

            Assert.Equal(reason == null, connection.IsCompressed);
            if (reason == null)
                Assert.Null(connection.NoCompressionReason);
            else
                Assert.Contains(reason, connection.NoCompressionReason, StringComparison.Ordinal);
            ShouldCarry(connection, [.. Enumerable.Range(0, 500).Select(i => new byte[100 + i])]);
        }

        Assert.Equal(atTheBroker == null ? 0 : 1, notices.Count(notice => notice.Contains(NoLibrary, StringComparison.Ordinal)));
        broker.Stop(TimeSpan.FromSeconds(10));
        Assert.Equal(reason == null, broker.BatchCounts.Sent.Frames > 0);
        Assert.Equal(reason == null, broker.BatchCounts.Opened.Frames > 0);
    }

    [Fact]
    public void ShouldNotCompressWhatWasNotAskedFor()
    {
        using Broker broker = Start();
        using Connection connection = Connect(broker.Addresses[0], compress: false);

        ShouldCarry(connection, [.. Enumerable.Range(0, 500).Select(i => new byte[100])]);

        Assert.False(connection.IsCompressed);
        Assert.Null(connection.NoCompressionReason);
        broker.Stop(TimeSpan.FromSeconds(10));
        Assert.Equal(default, broker.BatchCounts);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void ShouldCarryMessagesOfEverySort(int seed)
    {
        Random random = new(seed);
        using Broker broker = Start();
        using Connection connection = Connect(broker.Addresses[0], sendBufferLength: seed == 1 ? 4096 : 256 * 1024);
        byte[][] bodies = new byte[2000][];
        for (int i = 0; i < bodies.Length; i++)
        {
            bodies[i] = new byte[random.Next(40) switch { 0 => random.Next(300_000), 1 => random.Next(64_000, 66_000), _ => random.Next(400) }];
            if (i / 300 % 2 != 0) // What compresses comes first: after the noise it takes its time until that is tried again.
                random.NextBytes(bodies[i]);
        }

        ShouldCarry(connection, bodies);

        broker.Stop(TimeSpan.FromSeconds(10));
        Assert.True(broker.BatchCounts.Sent.Wire < broker.BatchCounts.Sent.Frames);
        Assert.True(broker.BatchCounts.Opened.Wire < broker.BatchCounts.Opened.Frames);
    }

    [Fact]
    public void ShouldAllocateNothingForBatchesInPolledSteadyState()
    {
        using Broker broker = Start();
        using Connection connection = Connect(broker.Addresses[0]);
        connection.DeclareQueue("q", Transient);
        long received = 0;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            received += delivery.Body.Length == 128 ? 1 : 0;
            subscription.Ack(delivery.Tag);
        });
        Publication publication = connection.OpenPublication(new PublicationOptions { RoutingKey = "q", Durability = DurabilityLevel.Memory });
        byte[] body = new byte[128];
        Run(20_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(50_000);
        long after = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(70_000, received);
        Assert.Equal(0, after - before);
        connection.Dispose();
        broker.Stop(TimeSpan.FromSeconds(10));
        Assert.InRange(broker.BatchCounts.Opened.Frames, 70_000 * 80, long.MaxValue);

        void Run(int count)
        {
            long target = received + count;
            long deadline = Environment.TickCount64 + Eventually.DeadlineMs;
            int published = 0;
            while ((received < target || !publication.IsIdle) && Environment.TickCount64 < deadline)
            {
                for (int i = 0; i < 64 && published < count && publication.TryPublish(body) == PublishStatus.Accepted; i++)
                    published++;
                if (connection.Poll() == 0)
                    connection.WaitForWork(1);
            }
        }
    }

    /// <summary>What stands behind the message in its batch is handed over with the next turn, though nothing more arrives.</summary>
    [Theory, InlineData(100), InlineData(1000)]
    public void ShouldGoOnInABatchInWhichAHandlerThrew(int bodyLength)
    {
        using Broker broker = Start();
        using Connection connection = Connect(broker.Addresses[0]);
        const int Count = 40;
        connection.DeclareQueue("q", Transient);
        Publication publication = connection.OpenPublication(new PublicationOptions { RoutingKey = "q", Durability = DurabilityLevel.Memory });
        for (int i = 0; i < Count; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish(new byte[bodyLength]));
        Until(connection, () => publication.IsIdle, "confirms");
        List<ulong> tags = [];
        int thrown = 0;
        connection.SubscribeAsync(
            "q",
            (Subscription _, in Delivery delivery) =>
            {
                tags.Add(delivery.Tag);
                if (delivery.Tag is 3 or 17 or 40)
                    throw new FormatException("no");
            },
            new SubscriptionOptions { NoAck = true });

        Eventually.True(
            () =>
            {
                try
                {
                    if (connection.Poll() == 0)
                        connection.WaitForWork(1);
                }
                catch (FormatException)
                {
                    thrown++;
                }

                return tags.Count == Count;
            },
            "all of them");

        Assert.Equal(Enumerable.Range(1, Count).Select(i => (ulong)i), tags);
        Assert.Equal(3, thrown);
        connection.DeclareQueue("still there", Transient);
    }

    private static void ShouldCarry(Connection connection, byte[][] bodies)
    {
        connection.DeclareQueue("q", Transient);
        int next = 0;
        Subscription subscription = connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            Assert.True(delivery.Body.SequenceEqual(bodies[next]), $"message {next} is another");
            next++;
            subscription.Ack(delivery.Tag);
        });
        Publication publication = connection.OpenPublication(new PublicationOptions { RoutingKey = "q", Durability = DurabilityLevel.Memory });
        int sent = 0;
        Until(
            connection,
            () =>
            {
                while (sent < bodies.Length && publication.TryPublish(bodies[sent]) == PublishStatus.Accepted)
                    sent++;
                return next == bodies.Length && publication.IsIdle;
            },
            "all messages");
        subscription.Dispose();
        Until(connection, () => subscription.IsClosed, "the subscription ends");
    }

    private static void Until(Connection connection, Func<bool> condition, string what) => Eventually.True(
        () =>
        {
            if (connection.Poll() == 0)
                connection.WaitForWork(1);
            return condition();
        },
        what);

    private static Broker Start(bool isOn = true, string? library = null, List<string>? notices = null)
    {
        Broker broker = Broker.Open(new ServerOptions
        {
            Listen = ["tcp://127.0.0.1:0"],
            Compression = isOn,
            CompressionLibrary = library ?? Lz4.Library,
            OnNotice = notice => notices?.Add(notice),
        });
        broker.Start();
        return broker;
    }

    private static Connection Connect(string address, bool compress = true, string? library = null, int sendBufferLength = 256 * 1024) =>
        Connection.Connect(address, new ConnectionOptions
        {
            Mode = ConnectionMode.Polled,
            Compress = compress,
            CompressionLibrary = library ?? Lz4.Library,
            SendBufferLength = sendBufferLength,
        });
}
