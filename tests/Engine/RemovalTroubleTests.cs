using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>What goes by itself while the journal cannot be told goes when it can: rules Q2, Q3 and E5 on a full disk.</summary>
public sealed class RemovalTroubleTests
{
    [Fact]
    public void ShouldRemoveLaterWhatTheJournalCouldNotBeToldOf()
    {
        using var disk = new SimulatedDisk();
        ulong before;
        using (var engine = new EngineHarness(disk))
        {
            int session = engine.OpenSession("/");
            int leaving = engine.OpenSession("/");
            engine.Exchange(session, "by exclusive", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
            engine.Exchange(session, "by request", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
            engine.Exchange(session, "bound again", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
            engine.Queue(session, "auto", QueueFlags.Durable | QueueFlags.AutoDelete);
            engine.Queue(session, "q");
            engine.Queue(leaving, "mine", QueueFlags.Exclusive);
            engine.Exchange(session, "in memory", flags: ExchangeFlags.AutoDelete);
            engine.Bind(leaving, "by exclusive", "mine");
            engine.Bind(leaving, "in memory", "mine");
            engine.Bind(leaving, "bound again", "mine");
            engine.Bind(session, "by request", "q");
            engine.Subscribe(leaving, "auto", 1);
            engine.Run();

            Fill(engine, disk, session);
            engine.CloseSession(leaving);
            engine.Run();
            Assert.False(engine.HasQueue("mine")); // It was in no journal.
            Assert.False(engine.HasExchange("in memory"));
            Assert.True(engine.HasExchange("by exclusive"));
            Assert.True(engine.HasQueue("auto"));
            // A request is refused whole.
            Assert.Equal(ErrorCode.DiskFull, engine.DeleteQueue(session, "q"));
            Assert.True(engine.HasQueue("q"));
            Assert.True(engine.HasExchange("by request"));
            engine.Queue(session, "t", 0);
            engine.Bind(session, "bound again", "t");

            disk.Capacity = long.MaxValue;
            engine.RunUntil(() => !engine.HasQueue("auto") && !engine.HasExchange("by exclusive"));
            Assert.True(engine.HasExchange("bound again"));
            engine.Run();
            before = engine.Core.Engine.StateHash();
            engine.Kill();
        }
        using var again = new EngineHarness(disk);
        Assert.Equal(before, again.Core.Engine.StateHash());
        Assert.False(again.HasQueue("auto"));
        Assert.False(again.HasExchange("by exclusive"));
        Assert.True(again.HasExchange("by request"));
    }

    // To the last byte of the reserve: definitions, larger ones first.
    private static void Fill(EngineHarness engine, SimulatedDisk disk, int session)
    {
        disk.Capacity = disk.Used;
        int number = 0;
        foreach (int size in (int[])[60_000, 5_000, 500, 1])
        {
            FieldTableWriter table = new FieldTableWriter().Add("mine", new string('x', size));
            while (engine.Queue(session, $"f{number++}", QueueFlags.Durable, table) == ErrorCode.None)
            {
            }
        }
        while (engine.Exchange(session, $"x{number++}") == ErrorCode.None)
        {
        }
        // None of these was larger than the record of a removal.
        Assert.NotEqual(AppendStatus.Appended, engine.Core.Journal!.Log.CheckAppend(sizeof(uint), reserved: true));
    }
}
