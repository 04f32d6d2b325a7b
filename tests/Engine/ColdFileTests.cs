using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Tests.Journals;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>As <see cref="ColdTests"/>, with files, threads and the kernel's page cache.</summary>
public sealed unsafe partial class ColdFileTests
{
    private const int Segments = 40;
    private const int PerSegment = 16;
    private const int MemoryFileSystem = 0x0102_1994;

    [Fact]
    public void ShouldDrainABacklogThatIsOnTheDiskAlone()
    {
        string filler = new('c', 60_000);
        using var folder = new TemporaryFolder();
        using var engine = new EngineHarness(folder.Path, journalMemory: 0);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "cold");
        engine.DeclareQueue(session, "hot");
        engine.OpenPublication(session, "cold", DurabilityLevel.Process);
        engine.OpenPublication(session, "hot", DurabilityLevel.Process);
        engine.Run();
        const int count = Segments * PerSegment;
        for (int i = 1; i <= count; i++)
        {
            engine.Publish(session, 1, (ulong)i, $"{i} {filler}");
            engine.RunUntil(() => engine.Core.Engine.PublishedCount == i);
        }
        RecordLog log = engine.Core.Journal!.Log;
        Assert.True(log.FirstHotIndex > Segments / 2);
        engine.Core.Journal.RequestFlush();
        // The disk has it all, and of what is cold the memory has nothing.
        engine.RunUntil(() => IsOnMemoryFileSystem(folder.Path) || Resident(log) == 0);
        engine.Events.Clear();
        engine.Subscribe(session, "hot", 10_000);
        engine.Subscribe(session, "cold", 10_000);
        int published = 0;
        long most = 0;
        engine.RunUntil(() =>
        {
            // One of them at a time, for as long as the other queue takes.
            if (engine.All<DeliverEvent>(EventType.Deliver).Count(deliver => deliver.Subscription == 1) == published)
                engine.Publish(session, 2, (ulong)++published, "hot");
            most = Math.Max(most, Resident(log));
            return engine.Deliveries().Count(delivery => delivery.Subscription == 2) == count;
        });
        Assert.Equal(Enumerable.Range(1, count), engine.Deliveries().Where(delivery => delivery.Subscription == 2).Select(delivery => int.Parse(delivery.Body.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.True(published > 10, $"{published} messages went through the other queue meanwhile.");
        if (!IsOnMemoryFileSystem(folder.Path))
            Assert.InRange(most, 1, (JournalOptions.MinColdSegments + 1) * (long)log.SegmentSize);
        Assert.Equal(JournalState.Open, log.State);
    }

    /// <summary>Bytes of cold segments in the page cache.</summary>
    private static long Resident(RecordLog log)
    {
        long pages = 0;
        byte[] states = new byte[log.SegmentSize / 4096];
        for (long index = log.OldestIndex; index < log.FirstHotIndex; index++)
        {
            Segment? segment = log.FindSegment(index * log.SegmentSize);
            if (segment == null)
                continue;
            fixed (byte* at = states)
                Assert.Equal(0, InCore(segment.Memory, (nuint)segment.Length, at));
            pages += states.Count(state => (state & 1) != 0);
        }
        return pages * 4096;
    }

    private static bool IsOnMemoryFileSystem(string path)
    {
        int file = NativeFile.Open(path, NativeFile.ReadOnlyAccess, 0);
        LowLatency.Core.Journal.FileSystemInfo info;
        Assert.Equal(0, NativeFile.FileSystemStatus(file, &info));
        _ = NativeFile.Close(file);
        return info.Type == MemoryFileSystem;
    }

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int InCore(void* address, nuint length, byte* states);
}
