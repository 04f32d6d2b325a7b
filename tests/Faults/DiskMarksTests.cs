using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Client;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>A real broker on a small disk that is filled past its high mark, then past its low mark, then freed.</summary>
public sealed class DiskMarksTests(ITestOutputHelper output)
{
    private const string Queue = "marks";
    private const int BodyLength = 16 * 1024;
    private const long MiB = 1024 * 1024;
    private static readonly string[] Arguments = ["--segment-size", "4MiB", "--min-free-disk", "8MiB", "--disk-high", "32MiB"];

    /// <summary>From the moment that there is space. A machine that does other work as well gets more.</summary>
    private static readonly TimeSpan ResumeTime = TimeSpan.FromSeconds(FaultSettings.Scale >= 1 ? 1 : 20);

    private readonly List<Blocking> _blocked = [];
    private readonly List<TimeSpan> _unblocked = [];
    private readonly SortedDictionary<ulong, Rejection> _rejected = [];

    [Fact]
    public void ShouldHoldPublishersBackThenRejectAndGoOnByItself()
    {
        using MountedFileSystem disk = MountedFileSystem.Ext4(128);
        string data = Path.Combine(disk.Path, "data");
        string ballast = Path.Combine(disk.Path, "ballast");
        using ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath);
        SortedSet<ulong> acked = [];
        ulong last;
        using (Connection connection = Connection.Connect(broker.Address))
        {
            connection.DeclareQueue(Queue);
            connection.DeclareQueue("other");
            using Publication publication = Open(connection);
            using Publication memory = connection.OpenPublication(new PublicationOptions { RoutingKey = Queue, Durability = DurabilityLevel.Memory });
            PublishAndAwait(publication, 10);

            // Past the high mark.
            Ballast.FillTo(ballast, 24 * MiB);
            long lowAtMs = Environment.TickCount64;
            Eventually.True(() => publication.Blocking != null, "the publication is held back");
            Blocking blocking = publication.Blocking!;
            Assert.Equal((ErrorCode.DiskFull, ""), (blocking.Code, blocking.Queue));
            Assert.Matches(@"^2\d(\.\d+)? MiB are free in the data folder's file system, below 32 MiB \(--disk-high\)", blocking.Reason);
            Assert.Equal(PublishStatus.Accepted, publication.Status);
            ulong confirmed = publication.ConfirmedSequence;
            Assert.Equal(10ul, confirmed);
            Publish(publication, 10);
            Assert.Equal(PublishStatus.Accepted, memory.TryPublish(Body(1_000_000)));
            Eventually.True(() => memory.IsIdle, "level memory goes on");
            using Tool pub = Tool.Start("pub", "other", "-c", broker.Address, "--durability", "process");
            pub.Feed("one\ntwo\n"u8);
            pub.WaitUntil(() => pub.Error.Contains("Held back since 20", StringComparison.Ordinal), "pub said that it is held back");
            Assert.Equal((10ul, 0), (publication.ConfirmedSequence, _rejected.Count));

            // Past the low mark: by its own messages, which are taken up to there.
            Ballast.FillTo(ballast + "-2", 13 * MiB);
            Publish(publication, 4000, untilRejected: connection);
            Eventually.True(() => Rejections > 0, "a message is rejected");
            lock (_rejected)
            {
                Rejection first = _rejected.First().Value;
                Assert.Equal(ErrorCode.DiskFull, first.Code);
                Assert.Matches(@"^The journal's disk is full since 20\S+Z, for \d+ s now: ", first.Reason);
            }
            Assert.Equal(10ul, publication.ConfirmedSequence);
            Assert.Equal(1, BlockedCount);
            // Acks and deletes have room.
            acked.UnionWith(AckSome(connection, 5));
            connection.DeleteQueue(connection.DeclareQueue("").Name);

            Eventually.True(() => broker.HasSaid("are rejected (601): "), "the operator is told");

            // Space returns.
            File.Delete(ballast);
            File.Delete(ballast + "-2");
            long freedAt = Stopwatch.GetTimestamp();
            Eventually.True(() => publication is { Blocking: null, Status: PublishStatus.Accepted, IsIdle: true }, "everything is decided");
            TimeSpan resumed = Stopwatch.GetElapsedTime(freedAt);
            output.WriteLine($"{Rejections} rejected, {resumed.TotalMilliseconds:0} ms from space to the last confirm");
            Assert.True(resumed <= ResumeTime, $"{resumed.TotalMilliseconds:0} ms from space to the last confirm");
            lock (_rejected)
            {
                TimeSpan lasted = Assert.Single(_unblocked);
                Assert.InRange(lasted.TotalMilliseconds, 1, Environment.TickCount64 - lowAtMs + 1000);
            }
            pub.WaitForExit();
            Assert.Equal(0, pub.ExitCode);
            Assert.Contains("Going on: held back for ", pub.Error, StringComparison.Ordinal);
            PublishAndAwait(publication, 10);
            last = publication.LastSequence;
        }
        (int code, IReadOnlyList<string> lines) = broker.Stop();
        Assert.True(code == 0, $"the broker ended with code {code}: {string.Join('\n', lines)}");
        string said = string.Join('\n', lines);
        Assert.Contains("below 32 MiB (--disk-high): publishing is held back", said, StringComparison.Ordinal);
        Assert.Contains("are rejected (601): ", said, StringComparison.Ordinal);
        Assert.Contains("are taken again: the disk was full for ", said, StringComparison.Ordinal);
        Assert.Contains("publishing goes on, it was held back for ", said, StringComparison.Ordinal);
        CheckKept(data, last, acked);
    }

    private int Rejections
    {
        get
        {
            lock (_rejected)
                return _rejected.Count;
        }
    }

    private int BlockedCount
    {
        get
        {
            lock (_rejected)
                return _blocked.Count;
        }
    }

    private void CheckKept(string data, ulong last, SortedSet<ulong> acked)
    {
        using ChildBroker again = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath);
        using Connection connection = Connection.Connect(again.Address);
        SortedSet<ulong> kept = [.. QueueDrain.Read(connection, Queue, TimeSpan.FromSeconds(60)).Select(body => BitConverter.ToUInt64(body))];
        SortedSet<ulong> expected = [];
        for (ulong sequence = 1; sequence <= last; sequence++)
        {
            if (!_rejected.ContainsKey(sequence) && !acked.Contains(sequence))
                expected.Add(sequence);
        }
        Assert.Equal(expected, kept);
    }

    private Publication Open(Connection connection) => connection.OpenPublication(new PublicationOptions
    {
        RoutingKey = Queue,
        PublisherName = Queue,
        Durability = DurabilityLevel.Disk,
        Window = 8192,
        WindowBytes = 256 * 1024 * 1024,
        OnReject = (Publication _, in Rejection rejection) => Note(rejection),
        OnBlocked = (_, blocking) => Add(_blocked, blocking),
        OnUnblocked = (_, lasted) => Add(_unblocked, lasted),
    });

    private void Note(Rejection rejection)
    {
        lock (_rejected)
            _rejected.Add(rejection.Sequence, rejection);
    }

    private void Add<T>(List<T> list, T item)
    {
        lock (_rejected)
            list.Add(item);
    }

    private static byte[] Body(ulong number)
    {
        byte[] body = new byte[BodyLength];
        BitConverter.TryWriteBytes(body, number);
        return body;
    }

    /// <summary>Each message holds its own sequence.</summary>
    private static void Publish(Publication publication, int count, Connection? untilRejected = null)
    {
        for (int i = 0; i < count; i++)
        {
            PublishStatus status = publication.TryPublish(Body(publication.LastSequence + 1));
            if (untilRejected != null && status == PublishStatus.DiskFull)
                return;
            Assert.Equal(PublishStatus.Accepted, status);
            if (i % 8 == 7)
                untilRejected?.DeclareQueue("other", new QueueOptions { Passive = true }); // By its answer those to the messages are here.
        }
        Assert.True(untilRejected == null, $"{count} messages were not enough");
    }

    private static void PublishAndAwait(Publication publication, int count)
    {
        Publish(publication, count);
        Eventually.True(() => publication.IsIdle, "they are confirmed");
    }

    private static List<ulong> AckSome(Connection connection, int count)
    {
        var taken = new List<ulong>();
        using Subscription subscription = connection.Subscribe(
            Queue,
            (Subscription self, in Delivery delivery) =>
            {
                lock (taken)
                {
                    if (taken.Count == count)
                        return;
                    taken.Add(BitConverter.ToUInt64(delivery.Body));
                    self.Ack(delivery.Tag);
                }
            },
            new SubscriptionOptions { Credit = count });
        Eventually.True(
            () =>
            {
                lock (taken)
                    return taken.Count == count;
            },
            "some are delivered");
        return taken;
    }
}
