using System.Text;
using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>A real broker behind a connection that is cut again and again.</summary>
public sealed class ReconnectTests : IDisposable
{
    private readonly TestBroker _broker = new();

    public void Dispose() => _broker.Dispose();

    [Theory]
    [InlineData(ConnectionMode.Polled, 1)]
    [InlineData(ConnectionMode.Background, 2)]
    [InlineData(ConnectionMode.Background, 3)]
    public void ShouldStoreEverythingOnceAndInOrder(ConnectionMode mode, int seed)
    {
        const int Count = 20_000;
        using var proxy = new CuttingProxy(_broker.Broker.Endpoints[0], seed, bytesMax: 200_000);
        using var connection = Connection.Connect(proxy.Address, new ConnectionOptions
        {
            Mode = mode, RetryInitialConnect = true, ReconnectDelay = TimeSpan.FromMilliseconds(1), ReconnectDelayMax = TimeSpan.FromMilliseconds(5),
            ConnectTimeout = TimeSpan.FromMilliseconds(Eventually.DeadlineMs), RequestTimeout = TimeSpan.FromMilliseconds(Eventually.DeadlineMs),
        });
        connection.DeclareQueue("q");
        var byQueueSequence = new Dictionary<ulong, int>();
        int redelivered = 0;
        bool isConsistent = true;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            int number = int.Parse(Encoding.ASCII.GetString(delivery.Body), System.Globalization.CultureInfo.InvariantCulture);
            isConsistent &= byQueueSequence.TryAdd(delivery.QueueSequence, number)
                || (delivery.IsRedelivered && byQueueSequence[delivery.QueueSequence] == number);
            redelivered += delivery.IsRedelivered ? 1 : 0;
            subscription.Ack(delivery.Tag);
        });
        Publication publication = connection.OpenPublication(new PublicationOptions { RoutingKey = "q", Durability = DurabilityLevel.Process, Window = 500 });
        long deadline = Environment.TickCount64 + 3 * Eventually.DeadlineMs;
        int published = 0;

        while (published < Count || !publication.IsIdle || byQueueSequence.Count < Count)
        {
            Assert.True(Environment.TickCount64 < deadline, $"published {published}, confirmed {publication.ConfirmedSequence}, delivered {byQueueSequence.Count}, cuts {proxy.Cuts}");
            while (published < Count && publication.TryPublish(Body(published)) == PublishStatus.Accepted)
                published++;
            if (mode == ConnectionMode.Background)
                Thread.Yield();
            else if (connection.Poll() == 0)
                connection.WaitForWork(1);
        }

        Assert.True(isConsistent);
        Assert.Equal(Count, byQueueSequence.Count);
        for (int i = 0; i < Count; i++)
            Assert.Equal(i, byQueueSequence[(ulong)i + 1]);
        Assert.InRange(proxy.Cuts, 3, int.MaxValue);
        proxy.IsCalm = true;
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void ShouldNotStoreWhatItWasToldIsRejected(int seed)
    {
        const int Count = 5000;
        using var proxy = new CuttingProxy(_broker.Broker.Endpoints[0], seed, bytesMax: 60_000);
        using var connection = Connection.Connect(proxy.Address, new ConnectionOptions
        {
            Mode = ConnectionMode.Polled, RetryInitialConnect = true, ReconnectDelay = TimeSpan.FromMilliseconds(1), ReconnectDelayMax = TimeSpan.FromMilliseconds(5),
            ConnectTimeout = TimeSpan.FromMilliseconds(Eventually.DeadlineMs), RequestTimeout = TimeSpan.FromMilliseconds(Eventually.DeadlineMs),
        });
        connection.DeclareQueue("q", new QueueOptions { MaxLength = 20 });
        var stored = new SortedSet<int>();
        var rejected = new SortedSet<int>();
        bool isConsistent = true;
        connection.Subscribe(
            "q",
            (Subscription subscription, in Delivery delivery) =>
            {
                int number = int.Parse(Encoding.ASCII.GetString(delivery.Body), System.Globalization.CultureInfo.InvariantCulture);
                isConsistent &= stored.Add(number) || delivery.IsRedelivered;
                subscription.Ack(delivery.Tag);
            },
            new SubscriptionOptions { Credit = 5 });
        Publication publication = connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = "q", Durability = DurabilityLevel.Disk, Window = 64,
            OnReject = (Publication _, in Rejection rejection) => isConsistent &= rejected.Add((int)rejection.Sequence - 1),
        });
        long deadline = Environment.TickCount64 + 3 * Eventually.DeadlineMs;
        int published = 0;

        while (published < Count || !publication.IsIdle || stored.Count + rejected.Count < Count)
        {
            Assert.True(Environment.TickCount64 < deadline && connection.State != ConnectionState.Closed,
                $"published {published}, confirmed {publication.ConfirmedSequence}, stored {stored.Count}, rejected {rejected.Count}, cuts {proxy.Cuts}, {connection.Error}");
            while (published < Count && publication.TryPublish(Body(published)) == PublishStatus.Accepted)
                published++;
            if (connection.Poll() == 0)
                connection.WaitForWork(1);
        }

        Assert.True(isConsistent);
        Assert.Empty(stored.Intersect(rejected));
        Assert.Equal(Enumerable.Range(0, Count), stored.Union(rejected).Order());
        Assert.NotEmpty(rejected);
        Assert.InRange(proxy.Cuts, 3, int.MaxValue);
        proxy.IsCalm = true;
    }

    private static byte[] Body(int number) => Encoding.ASCII.GetBytes(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
