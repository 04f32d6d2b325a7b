using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>How a cold segment is brought into memory and another let go of: in parts, and with rests while nobody waits for it. Segments of 1 MiB are eight parts.</summary>
public sealed unsafe class ColdReadAheadTests : IDisposable
{
    private const int SegmentSize = 1024 * 1024;
    private const int PerSegment = 16;
    private const int Parts = 8;
    private const int Timeout = 100;
    private static readonly string Filler = new('c', 60_000);

    private readonly QueueHarness _broker = new(journalMemory: 0);
    private readonly List<string> _parts = [];

    public ColdReadAheadTests()
    {
        _broker.Level = DurabilityLevel.Process;
        _broker.Disk.OnLoad = (name, offset) =>
        {
            _parts.Add($"load {IndexOf(name)} {offset}");
            return 0;
        };
        _broker.Disk.OnRelease = (name, offset, length) => _parts.Add($"release {IndexOf(name)} {offset} {length}");
        _broker.Declare("cold");
        Preparer.Rests = true;
    }

    public void Dispose() => _broker.Dispose();

    private RecordLog Log => _broker.Engine.Core.Journal!.Log;

    private PreparerAgent Preparer => _broker.Engine.Core.Journal!.Preparer;

    [Fact]
    public void ShouldRestBetweenThePartsOfWhatIsReadAhead()
    {
        Fill(10);
        TakeFirst();
        Assert.Equal(0, Rests(LoadAll()));
        _broker.Engine.Run(); // Takes what it waited for, and has the next one read ahead.
        Assert.Equal(Parts - 1, Rests(LoadAll()));
    }

    [Fact]
    public void ShouldNotRestWhereSomebodyWaits()
    {
        Fill(10);
        TakeFirst();
        LoadAll();
        _broker.Engine.Run();
        Preparer.DoWork();
        Assert.Equal(1, Preparer.ParkLimitMs(Timeout));
        using var wake = new ThreadWakeSignal();
        Preparer.Wake = wake;
        wake.PreparePark();
        _broker.Take("cold", 2 * PerSegment);
        Assert.True(wake.Park(0), "Who rests is to know.");
        Assert.Equal(0, Rests(LoadAll()));
    }

    [Fact]
    public void ShouldNotRestForAWhileWhereItWasLate()
    {
        const int hurried = 8;
        Fill(hurried + 8);
        TakeFirst();
        LoadAll();
        _broker.Engine.Run();
        Preparer.DoWork();
        _broker.Take("cold", 2 * PerSegment);
        Assert.Equal(0, Rests(LoadAll()));
        for (int i = 0; i <= hurried; i++)
        {
            while (!IsWanted)
                _broker.Take("cold", 1);
            Assert.Equal(i < hurried ? 0 : Parts - 1, Rests(LoadAll()));
        }
    }

    [Fact]
    public void ShouldLetGoOfASegmentAsAnotherComes()
    {
        Fill(12);
        _broker.Engine.Prepares = true;
        Assert.NotEmpty(_broker.Take("cold", 5 * PerSegment));
        string[] moves = [.. _parts.SkipWhile(part => !part.StartsWith("release", StringComparison.Ordinal))];
        int part = SegmentSize / Parts;
        long first = long.Parse(moves[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        long next = long.Parse(moves[1].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(first < next);
        Assert.Equal(Enumerable.Range(0, Parts).SelectMany(i => new[] { $"release {first} {i * part} {part}", $"load {next} {i * part}" }), moves[..(2 * Parts)]);
    }

    private bool IsWanted => Log.Slots.ToArray().Any(slot => slot.State == LoadState.Wanted);

    /// <summary>Steps the preparer until nothing is wanted.</summary>
    /// <returns>After each step whether it rests.</returns>
    private List<bool> LoadAll()
    {
        var rests = new List<bool>();
        while (IsWanted)
        {
            int work = Preparer.DoWork();
            rests.Add(Preparer.ParkLimitMs(Timeout) == 1);
            Assert.Equal(!rests[^1], work > 0);
            Assert.InRange(rests.Count, 1, 3 * Parts);
        }
        Assert.Equal(Timeout, Preparer.ParkLimitMs(Timeout));
        return rests;
    }

    private static int Rests(List<bool> steps) => steps.Count(rests => rests);

    private void TakeFirst()
    {
        Assert.Empty(_broker.Take("cold", 1));
        _broker.Engine.Events.Clear();
    }

    /// <summary>From then on the test steps the preparer itself.</summary>
    private void Fill(int segments)
    {
        for (int i = 0; i < segments * PerSegment; i++)
            _broker.Publish("cold", $"{i} {Filler}");
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        while (Preparer.DoWork() > 0)
        {
        }
        _broker.Engine.Events.Clear();
        _broker.Engine.Prepares = false;
        _parts.Clear();
    }

    private static long IndexOf(string name) => JournalFiles.IsSegment(name, out long index) ? index : -1;
}
