using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>A real broker on a real disk that its own journal has filled: all but a few messages of each segment are consumed, and nothing else is done for it.</summary>
public sealed class FullDiskReclaimTests(ITestOutputHelper output)
{
    private const int KeepOneOf = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly string[] Arguments = ["--segment-size", "4MiB", "--min-free-disk", "1MiB", "--disk-high", "0", "--no-compression"];

    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void ShouldGetItsSpaceBackByReclaimAlone(string kind)
    {
        using MountedFileSystem disk = kind == "tmpfs" ? MountedFileSystem.Tmpfs(64) : MountedFileSystem.Ext4(64);
        string data = Path.Combine(disk.Path, "data");
        var kept = new List<int>();
        using (ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath))
        {
            using Connection connection = Connection.Connect(broker.Address);
            var keep = new Publisher(connection, "keep");
            // To the last bytes that a message may have: small ones at the end.
            foreach (int length in (int[])[16_384, 1_000, 40])
            {
                var flow = new Publisher(connection, "flow");
                for (int i = 0; flow.Publish(i, length); i++)
                {
                    if (length > 1_000 && i % KeepOneOf == 0 && keep.Publish(i, 500))
                        kept.Add(i);
                }
            }
            Assert.InRange(Directory.GetFiles(data, "segment-*.log").Length, 12, 16);
            long start = Stopwatch.GetTimestamp();
            int consumed = QueueDrain.Read(connection, "flow", Patience, DurabilityLevel.Memory).Count;
            Assert.InRange(consumed, 2_000, 100_000);
            Wait(() => Directory.GetFiles(data, "segment-*.log").Length <= 6, () => $"{string.Join(", ", Directory.GetFiles(data))}");
            output.WriteLine($"{kind}: {consumed} messages consumed and the journal short again after {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms");
            var more = new Publisher(connection, "flow");
            for (int i = 0; i < 1000; i++)
                Assert.True(more.Publish(i, 16_384), "rejected");
            (int code, IReadOnlyList<string> lines) = broker.Stop();
            Assert.True(code == 0, $"the broker ended with code {code}: {string.Join('\n', lines)}");
        }
        using (var storage = new MappedJournalStorage(data))
            Assert.NotEqual(VerifyVerdict.Damaged, JournalVerifier.Verify(storage).Verdict);
        using (ChildBroker again = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath))
        {
            using Connection connection = Connection.Connect(again.Address);
            Assert.Equal(kept, QueueDrain.Read(connection, "keep", Patience).Select(body => BitConverter.ToInt32(body)));
        }
    }

    private static void Wait(Func<bool> condition, Func<string> found)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, found());
            Thread.Yield();
        }
    }

    /// <summary>One message after the other, each answered before the next.</summary>
    private sealed class Publisher
    {
        private readonly Publication _publication;
        private readonly byte[] _body = new byte[16_384];
        private long _answered;
        private long _rejected;
        private long _published;

        internal Publisher(Connection connection, string queue)
        {
            connection.DeclareQueue(queue);
            _publication = connection.OpenPublication(new PublicationOptions
            {
                RoutingKey = queue,
                Durability = DurabilityLevel.Process,
                OnConfirm = (_, sequence, _) => Volatile.Write(ref _answered, (long)sequence),
                OnReject = (Publication _, in Rejection rejection) => Volatile.Write(ref _rejected, rejection.Code == ErrorCode.DiskFull ? (long)rejection.Sequence : -1),
            });
        }

        internal bool Publish(int number, int length)
        {
            BitConverter.TryWriteBytes(_body, number);
            PublishStatus status = _publication.TryPublish(_body.AsSpan(0, length));
            if (status == PublishStatus.DiskFull)
                return false;
            Assert.Equal(PublishStatus.Accepted, status);
            long sequence = ++_published;
            Wait(() => Volatile.Read(ref _answered) >= sequence || Volatile.Read(ref _rejected) is var rejected && (rejected < 0 || rejected >= sequence), () => $"number {number} is not answered");
            Assert.True(Volatile.Read(ref _rejected) >= 0, "rejected with another code");
            return Volatile.Read(ref _rejected) < sequence;
        }
    }
}
