using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Server.Inspection;
using LowLatency.Tests.Engine;
using Xunit;

namespace LowLatency.Tests.Inspection;

/// <summary>What is told of messages whose lives take time, or end in a way of their own.</summary>
public sealed class MessageFinderTests : IDisposable
{
    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    [Fact]
    public void ShouldFollowAScheduledMessageToItsPlace()
    {
        _broker.Declare("q");
        _broker.Publish("q", "m", Headers("x-delay", 1000));
        Assert.StartsWith("held until 20", Assert.Single(Life()), StringComparison.Ordinal);
        _broker.Advance(2000);
        _broker.Take("q");
        _broker.Settle("q", 1);
        Assert.Equal(["due: put in, sequence 1", "delivered", "gone: acknowledged, or rejected where the queue has no dead-letter exchange"], Life()[1..]);
    }

    [Fact]
    public void ShouldFollowAMessageOutOfASegmentThatIsEmptied()
    {
        _broker.Declare("q");
        _broker.Declare("flow");
        _broker.Publish("q", "m", Headers("some", 1));
        _broker.Take("q");
        string[] before = Life();
        for (int i = 0; i < 60 || Life().Length == before.Length; i++)
        {
            Assert.InRange(i, 0, 200);
            _broker.Publish("flow", new string('f', 60_000));
            _broker.Drain("flow");
        }
        string moved = Life()[^1];
        // Of the first record nothing may be left.
        Assert.True(moved.StartsWith("moved to position", StringComparison.Ordinal) || moved.StartsWith("there, sequence 1", StringComparison.Ordinal), moved);
    }

    [Fact]
    public void ShouldTellOfBackOffsAndOfTheDeliveryLimit()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-redelivery-delay", 100).Add("x-delivery-limit", 1));
        _broker.Publish("q", "m", Headers("some", 1));
        _broker.Take("q");
        _broker.Settle("q", 1, SettleKind.Requeue);
        _broker.Advance(500);
        _broker.Settle("q", 2, SettleKind.Requeue);
        Assert.Equal(
            [
                "put in, sequence 1", "delivered", "returned, waits for its back-off (come back once)",
                "delivered again, flagged as redelivered (it had come back once)", "gone: came back more often than the delivery limit allows",
            ],
            Life());
    }

    [Fact]
    public void ShouldTellWhatPurgesReplacementsAndDeletionsTook()
    {
        _broker.Declare("last", QueueHarness.Arguments.Add("x-last-value-key", "some"));
        _broker.Publish("last", "m", Headers("some", 1));
        _broker.Publish("last", "newer", Headers("some", 1, "other"));
        Assert.StartsWith("gone: replaced by the message at position", Life()[^1], StringComparison.Ordinal);
        Assert.Equal(["put in, sequence 1"], Life("other"));

        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, name: "last");
        _broker.Engine.Run();
        Assert.Equal("gone: purged", Life("other")[^1]);

        _broker.Publish("last", "third", Headers("some", 1, "third"));
        _broker.Engine.Request(CommandType.DeleteQueue, _broker.Session, name: "last");
        _broker.Engine.Run();
        Assert.Equal("gone: the queue was deleted", Life("third")[^1]);
    }

    [Fact]
    public void ShouldTellThatTheEndOfTheJournalWasLost()
    {
        _broker.Declare("q");
        _broker.Publish("q", "m", Headers("some", 1));
        _broker.PowerCut(1);
        Assert.StartsWith("in doubt: the end of the journal was lost", Life()[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldBoundATimeByTheRecordsAroundIt()
    {
        _broker.Declare("q");
        _broker.Publish("q", "m", Headers("some", 1));
        _broker.Take("q");
        TrailEvent delivered = Follow("m").Trails[0].Events[^1];
        Assert.Equal((false, 0), (delivered.IsTimed, delivered.NotAfterNs));
        _broker.Advance(1000);
        _broker.Publish("q", "later");
        MessageFinder finder = Follow("m");
        delivered = finder.Trails[0].Events[^1];
        Assert.Equal(finder.Trails[0].JournaledNs, delivered.NotBeforeNs);
        Assert.InRange(delivered.NotAfterNs, delivered.NotBeforeNs + 900_000_000, delivered.NotBeforeNs + 60_000_000_000);
    }

    [Fact]
    public void ShouldFollowNoMoreMessagesThanItsLimit()
    {
        _broker.Declare("q");
        for (int i = 0; i < MessageFinder.MostTrails + 3; i++)
            _broker.Publish("q", "m", Headers("some", i));
        MessageFinder finder = Follow("m");
        Assert.Equal((MessageFinder.MostTrails, 3L), (finder.Trails.Count, finder.PassedOver));
    }

    private string[] Life(string id = "m") => [.. Assert.Single(Follow(id).Trails).Events.Select(happened => happened.What)];

    private MessageFinder Follow(string id)
    {
        using JournalReader reader = JournalReader.Open(_broker.Disk.Start());
        using var finder = new MessageFinder(id, 0);
        MessageFinder visitor = finder;
        Assert.Equal(JournalEndKind.End, reader.Run(ref visitor).Kind);
        finder.EndGroup();
        return finder;
    }

    private static byte[] Headers(string name, int value, string id = "m")
    {
        var headers = new ContentHeaderBuilder();
        headers.Headers.Add(name, value);
        headers.Set(ContentProperty.MessageId, id);
        return headers.Build().ToArray();
    }
}
