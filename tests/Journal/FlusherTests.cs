using LowLatency.Core.Agents;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Group commit, and its end at the first error.</summary>
public sealed class FlusherTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldCoverInOneSyncAllThatWasAppendedBeforeIt()
    {
        using var journal = new JournalHarness(_disk.Start());
        int syncs = _disk.Syncs;
        long first = 0;
        for (int i = 0; i < 10; i++)
        {
            journal.Append(100, i);
            long position = journal.Journal.RequestFlush();
            first = first == 0 ? position : first;
        }
        Assert.True(journal.Journal.FlushInFlight);
        Assert.True(journal.Journal.DurablePosition < first);
        Assert.Equal(1, journal.Journal.Flusher.DoWork());
        Assert.Equal(0, journal.Journal.Flusher.DoWork());
        Assert.Equal(syncs + 1, _disk.Syncs);
        Assert.Equal(journal.Log.Tail, journal.Journal.DurablePosition);
        Assert.False(journal.Journal.FlushInFlight);
    }

    [Fact]
    public void ShouldSyncEverySegmentInTheRange()
    {
        using var journal = new JournalHarness(_disk.Start());
        while (journal.Rolls < 3)
            journal.Append(20_000, 1);
        int syncs = _disk.Syncs;
        journal.Flush();
        Assert.Equal(syncs + 4, _disk.Syncs);
        List<KnownRecord> appended = journal.Appended;
        journal.Dispose();
        _disk.PowerCut(new Random(1));
        using var after = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(appended, after.Collector.Records);
    }

    [Fact]
    public void ShouldFailForEverAtTheFirstFailedSync()
    {
        var journal = new JournalHarness(_disk.Start());
        journal.Append(100, 1);
        journal.Flush();
        int durableCount = journal.Appended.Count;
        long durable = journal.Journal.DurablePosition;
        _disk.FailSync = _disk.Syncs;
        journal.Append(100, 2);
        journal.Journal.RequestFlush();
        Assert.Equal(1, journal.Journal.Flusher.DoWork());
        Assert.Equal(JournalState.Failed, journal.Journal.State);
        Assert.Contains("errno 5", journal.Journal.FailureText, StringComparison.Ordinal);
        Assert.Contains(JournalFiles.Segment(0), journal.Journal.FailureText, StringComparison.Ordinal);
        Assert.Equal(durable, journal.Journal.DurablePosition);

        int syncs = _disk.Syncs;
        Assert.Equal(AppendStatus.Failed, journal.TryAppend(RecordType.Message, 1, new byte[10], out _));
        Assert.Equal(AppendStatus.Failed, journal.TryAppend(RecordType.Ack, 1, new byte[10], out _));
        Assert.Equal(AppendStatus.Failed, journal.Log.CheckAppend(10, reserved: true));
        journal.Journal.RequestFlush();
        Assert.Equal(0, journal.Journal.Flusher.DoWork());
        Assert.Equal(0, journal.Journal.Preparer.DoWork());
        Assert.False(journal.Journal.CloseClean());
        Assert.Equal(syncs, _disk.Syncs); // A second sync would say that all is well.
        Assert.Equal(durable, journal.Journal.DurablePosition);
        Assert.False(journal.Journal.FlushInFlight);
        journal.Dispose();

        // Another process on the same machine: the cache shows the bytes that the disk never got.
        using var after = new JournalHarness(_disk.Start());
        Assert.True(after.Journal.SameBoot);
        Assert.Equal(durableCount, after.Collector.Records.Count);
    }

    [Fact]
    public void ShouldFailWhenPreparingASegmentFails()
    {
        using var journal = new JournalHarness(_disk.Start());
        _disk.FailSync = _disk.Syncs;
        Assert.Equal(0, journal.Journal.Preparer.DoWork());
        Assert.Equal(JournalState.Failed, journal.Journal.State);
    }

    [Fact]
    public void ShouldReportSyncErrorsOfRecovery()
    {
        using (var journal = new JournalHarness(_disk.Start()))
            journal.Append(100, 1);
        _disk.Kill();
        _disk.FailSync = _disk.Syncs;
        Assert.Equal(JournalError.StorageFailed, Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start())).Error);
    }

    [Fact]
    public void ShouldWakeTheEngineAndRunOnThreads()
    {
        using var folder = new TemporaryFolder();
        using var engineWake = new CountingSignal();
        using var flusherWake = new ThreadWakeSignal();
        using var preparerWake = new ThreadWakeSignal();
        using var journal = new JournalHarness(new MappedJournalStorage(folder.Path));
        journal.Journal.OnDurableAdvanced = engineWake;
        journal.Journal.Flusher.Wake = flusherWake;
        journal.Journal.Preparer.Wake = preparerWake;
        Exception? failure = null;
        using var flusher = new AgentRunner(journal.Journal.Flusher, IdleMode.Adaptive, flusherWake, (_, error) => failure = error);
        using var preparer = new AgentRunner(journal.Journal.Preparer, IdleMode.Adaptive, preparerWake, (_, error) => failure = error);
        flusher.Start();
        preparer.Start();
        var deadline = System.Diagnostics.Stopwatch.StartNew();
        for (int i = 0; i < 5000; i++)
        {
            while (journal.TryAppend(RecordType.Message, 1, JournalHarness.Body(1000, i), out _) is var status && status != AppendStatus.Appended)
            {
                Assert.Equal(AppendStatus.NotReady, status);
                Assert.True(deadline.Elapsed.TotalSeconds < 30, "no segment became ready");
                Thread.Yield();
            }
            if (i % 10 != 0)
                continue;
            long position = journal.Journal.RequestFlush();
            if (i % 100 == 0)
            {
                while (journal.Journal.DurablePosition < position)
                    Assert.True(deadline.Elapsed.TotalSeconds < 30 && failure == null, $"not durable: {failure}");
            }
        }
        Assert.True(flusher.Stop());
        Assert.True(preparer.Stop());
        Assert.Null(failure);
        Assert.True(engineWake.Count > 0);
        Assert.True(journal.Journal.CloseClean());
        List<KnownRecord> appended = journal.Appended;
        journal.Dispose();
        using var after = new JournalHarness(new MappedJournalStorage(folder.Path));
        JournalHarness.AssertSame(appended, after.Collector.Records);
        Assert.True(after.Journal.WasClean);
    }

    /// <summary>Always parked, so that every wake counts.</summary>
    private sealed class CountingSignal : WakeSignal
    {
        private int _count;

        internal CountingSignal() => PreparePark();

        internal int Count => Volatile.Read(ref _count);

        protected override void Block(int timeoutMs)
        {
        }

        protected override void Signal()
        {
            Interlocked.Increment(ref _count);
            PreparePark();
        }
    }
}
