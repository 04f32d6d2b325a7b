using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>The same short life of a broker each time: start, a queue, messages over three segments at level disk, half of them consumed, stop.</summary>
internal static class SystemCallScript
{
    internal const string Queue = "calls";
    internal const int Messages = 40;
    private const int BodyLength = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    internal static SystemCallOutcome Run(string calls, string log, string? inject, string data)
    {
        using var broker = new TracedBroker(calls, log, inject, data);
        var confirmed = new SortedSet<long>();
        var acked = new SortedSet<long>();
        if (broker.Address != null)
        {
            try
            {
                Publish(broker, confirmed, acked);
            }
            catch (LowLatencyException)
            {
                // It said no, or is gone: what counts is what it confirmed before.
            }
        }
        int code = broker.Stop();
        lock (confirmed)
            return new SystemCallOutcome(code, broker.Error, confirmed, acked);
    }

    /// <summary>Starts a broker without a fault: all that was confirmed is there, save what may have been consumed.</summary>
    internal static void CheckKept(string data, SortedSet<long> confirmed)
    {
        if (confirmed.Count == 0 && !Directory.Exists(data))
            return;
        using ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", ["--min-free-disk", "1MiB", "--segment-size", "1MiB"], Tool.ProgramPath);
        using Connection connection = Connection.Connect(broker.Address);
        List<byte[]> bodies = QueueDrain.Read(connection, Queue, TimeSpan.FromSeconds(60));
        var numbers = bodies.ConvertAll(body => BitConverter.ToInt64(body));
        Assert.True(numbers.Order().SequenceEqual(numbers), $"reordered: {string.Join(' ', numbers)}");
        Assert.True(bodies.TrueForAll(body => body.Length == BodyLength && body[^1] == (byte)BitConverter.ToInt64(body)), "invented: other bytes");
        long[] lost = [.. confirmed.Except(numbers)];
        Assert.True(lost.Length == 0, $"lost: {string.Join(' ', lost)}");
    }

    private static void Publish(TracedBroker broker, SortedSet<long> confirmed, SortedSet<long> acked)
    {
        using Connection connection = Connection.Connect(broker.Address!);
        connection.DeclareQueue(Queue);
        long resolved = 0;
        var rejected = new SortedSet<long>();
        using Publication publication = connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = Queue,
            Durability = DurabilityLevel.Disk,
            Window = 8,
            OnConfirm = (_, sequence, _) =>
            {
                lock (confirmed)
                {
                    for (long number = resolved + 1; number <= (long)sequence; number++)
                    {
                        if (!rejected.Contains(number) && !acked.Contains(number))
                            confirmed.Add(number);
                    }
                }
                Volatile.Write(ref resolved, (long)sequence);
            },
            OnReject = (Publication _, in Rejection rejection) => rejected.Add((long)rejection.Sequence),
        });
        using Subscription subscription = connection.Subscribe(Queue, (Subscription self, in Delivery delivery) =>
        {
            // The first half goes as it comes: segments are retired and used again.
            long number = BitConverter.ToInt64(delivery.Body);
            if (number > Messages / 2)
                return;
            lock (confirmed)
            {
                acked.Add(number);
                confirmed.Remove(number);
            }
            self.Ack(delivery.Tag);
        });
        byte[] body = new byte[BodyLength];
        long start = Stopwatch.GetTimestamp();
        for (long number = 1; (number <= Messages || Volatile.Read(ref resolved) < Messages) && Stopwatch.GetElapsedTime(start) < Patience && !broker.HasExited;)
        {
            if (publication.Error != null || subscription.Error != null)
                return;
            BitConverter.TryWriteBytes(body, number);
            body[^1] = (byte)number;
            if (number <= Messages && publication.TryPublish(body) == PublishStatus.Accepted)
                number++;
            else
                Thread.Sleep(1);
        }
    }
}

/// <summary>How a scripted run ended.</summary>
/// <param name="ExitCode">Of the broker.</param>
/// <param name="Error">What it wrote to standard error.</param>
/// <param name="Confirmed">Numbers confirmed at level disk, and not consumed.</param>
/// <param name="Acked">Numbers consumed.</param>
internal sealed record SystemCallOutcome(int ExitCode, string Error, SortedSet<long> Confirmed, SortedSet<long> Acked)
{
    public override string ToString() => $"exit code {ExitCode}, {Confirmed.Count} confirmed, {Acked.Count} consumed: {Error.Trim()}";
}
