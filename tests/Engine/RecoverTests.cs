using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Found by the simulator: recover made room, and nobody looked.</summary>
public sealed class RecoverTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldDeliverTheNextMessageWhenRecoveredOnesLeaveTheQueue()
    {
        using var engine = new EngineHarness(_disk) { Flushes = true };
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q", QueueFlags.Durable, new FieldTableWriter().Add("x-delivery-limit", 0L));
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Subscribe(session, "q", new SubscribeCommand { CreditMessages = 10, CreditBytes = ulong.MaxValue, MaxUnacked = 1 });
        engine.Run();
        engine.Publish(session, 1, 1, "first");
        engine.Publish(session, 1, 2, "second");
        engine.Run();
        Assert.Equal(["first"], engine.Bodies());
        engine.Request(CommandType.Recover, session);
        engine.Run();
        Assert.Equal(["first", "second"], engine.Bodies());
    }

    [Fact]
    public void ShouldDeliverTheNextMessageWhenTheHeadThatWasTooLargeExpires()
    {
        using var engine = new EngineHarness(_disk) { Flushes = true };
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q", QueueFlags.Durable, new FieldTableWriter());
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Subscribe(session, "q", new SubscribeCommand { CreditMessages = 10, CreditBytes = 40 });
        engine.Run();
        byte[] expires = new ContentHeaderBuilder().Expiration(60_000).Build().ToArray();
        engine.Publish(session, 1, 1, new string('x', 100), "", expires);
        engine.Publish(session, 1, 2, "small");
        engine.Run();
        Assert.Empty(engine.Bodies());
        engine.Advance(60_000);
        engine.Run();
        Assert.Equal(["small"], engine.Bodies());
    }
}
