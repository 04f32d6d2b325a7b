using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>Reads all that a queue holds, in order.</summary>
internal static class QueueDrain
{
    private static readonly byte[] End = "the end"u8.ToArray();

    /// <param name="level">Of the message that marks the end: at level memory it needs no disk.</param>
    internal static List<byte[]> Read(Connection connection, string queue, TimeSpan patience, DurabilityLevel level = DurabilityLevel.Process)
    {
        var bodies = new List<byte[]>();
        using var ended = new ManualResetEventSlim();
        connection.DeclareQueue(queue);
        // Behind everything that waits. The name is new each time: the broker knows no sequence of it.
        using Publication publication = connection.OpenPublication(new PublicationOptions { RoutingKey = queue, Durability = level });
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish(End));
        using Subscription subscription = connection.Subscribe(queue, (Subscription self, in Delivery delivery) =>
        {
            self.Ack(delivery.Tag);
            if (delivery.Body.SequenceEqual(End))
                ended.Set();
            else
                bodies.Add(delivery.Body.ToArray());
        });
        Assert.True(ended.Wait(patience), $"{queue} was not read to its end within {patience.TotalSeconds} s: {bodies.Count} messages came. {subscription.Error?.Message} {publication.Error?.Message}");
        return bodies;
    }
}
