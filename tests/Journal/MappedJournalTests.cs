using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>The journal over real files.</summary>
public sealed class MappedJournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ShouldRecoverWhatWasAppendedOverManySegments()
    {
        List<KnownRecord> appended;
        using (JournalHarness journal = Open())
        {
            Assert.True(journal.Report.IsNew);
            Assert.Equal(1u, journal.Journal.Epoch);
            for (int i = 0; i < 6000; i++)
                journal.Append(i % 1500, i);
            Assert.True(journal.Rolls >= 3);
            journal.Flush();
            appended = journal.Appended;
        }
        using JournalHarness reopened = Open();
        JournalHarness.AssertSame(appended, reopened.Collector.Records);
        Assert.Equal(2u, reopened.Journal.Epoch);
        Assert.False(reopened.Journal.WasClean);
        Assert.True(reopened.Journal.SameBoot);
        Assert.Equal(0, reopened.Report.TornTailBytes);
        reopened.Append(100, 1);
    }

    private JournalHarness Open(JournalOptions? options = null) => new(new MappedJournalStorage(_folder.Path), options);
}
