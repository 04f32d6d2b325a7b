using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Rule S3: after a power cut, what may have been delivered before comes with the redelivered flag, also where the record of its way into the queue was lost.</summary>
public sealed class LostEndTests
{
    private const int Cuts = 20;

    [Fact]
    public void ShouldFlagAScheduledMessageWhoseTimeHadComeInTheLostEnd()
    {
        int again = 0;
        for (int seed = 0; seed < Cuts; seed++)
        {
            using var broker = new QueueHarness();
            broker.Declare("q");
            var headers = new ContentHeaderBuilder();
            headers.Headers.Add("x-delay", 1000);
            broker.Publish("q", "later", headers.Build());
            broker.Engine.Flushes = false;
            broker.Engine.Advance(2000); // This run only: the next one's clock is behind again.
            Assert.Equal(["later"], broker.Take("q"));
            broker.PowerCut(seed);
            again += broker.Queue("q").Scheduled is { Count: > 0 } ? 1 : 0;
            broker.Restart(); // The flag is in the records, not in the run that saw the cut.
            broker.Advance(2000);
            Assert.Equal(["later"], broker.Take("q"));
            Assert.Equal(DeliverEvent.RedeliveredFlag, broker.Engine.Single<DeliverEvent>(EventType.Deliver).Flags);
        }
        Assert.NotEqual(0, again);
    }

    [Fact]
    public void ShouldFlagADeadLetterWhoseMoveWasInTheLostEnd()
    {
        int again = 0;
        for (int seed = 0; seed < Cuts; seed++)
        {
            using var broker = new QueueHarness();
            broker.Declare("dead");
            broker.Declare("q", QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
            broker.Publish("q", "bad");
            broker.Take("q");
            broker.Engine.Flushes = false;
            broker.Settle("q", 1, SettleKind.Reject);
            Assert.Equal(["bad"], broker.Take("dead"));
            broker.PowerCut(seed);
            if (broker.Queue("q").Count > 0)
            {
                again++;
                broker.Take("q");
                broker.Settle("q", 1, SettleKind.Reject);
                broker.Restart();
            }
            Assert.Equal(["bad"], broker.Take("dead"));
            Assert.Equal(DeliverEvent.RedeliveredFlag, broker.Engine.Single<DeliverEvent>(EventType.Deliver).Flags);
        }
        Assert.NotEqual(0, again);
    }

    [Fact]
    public void ShouldNotBelieveAMarkerBeforeWhichTheJournalEnds()
    {
        // The message moves out of the first segment, a marker in a later one says that the first is not needed: that may be on the disk, and the new record not.
        int moved = 0;
        for (int seed = 0; seed < 60; seed++)
        {
            using var broker = new QueueHarness();
            broker.Declare("kept");
            broker.Declare("flow");
            broker.Publish("kept", "confirmed");
            broker.Level = Core.Engine.DurabilityLevel.Process;
            broker.Engine.Flushes = false;
            for (int i = 0; i < 40 + seed; i++)
            {
                broker.Publish("flow", new string('f', 60_000));
                broker.Drain("flow");
            }
            moved += broker.Engine.Core.Engine.ReclaimedBytes > 0 ? 1 : 0;
            broker.PowerCut(seed);
            Assert.Equal(["confirmed"], broker.Take("kept"));
        }
        Assert.NotEqual(0, moved);
    }
}
