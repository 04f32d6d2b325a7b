using LowLatency.Core.Engine;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Get: rule C8 of docs/model.md.</summary>
public sealed class PullTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly EngineHarness _engine;
    private readonly int _session;
    private ulong _sequence;

    public PullTests()
    {
        _engine = new EngineHarness(_disk);
        _session = _engine.OpenSession();
        _engine.DeclareQueue(_session, "q");
        _engine.OpenPublication(_session, "q", DurabilityLevel.Process);
        _engine.Subscribe(_session, "q", 0);
        _engine.Run();
    }

    public void Dispose()
    {
        _engine.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public void ShouldDeliverWhatIsReadyAndSayHowMany()
    {
        Publish("a", "b", "c");
        uint request = _engine.Get(_session, 1, 2, waitMs: 60_000);
        _engine.Run();
        Assert.Equal(["a", "b"], _engine.Bodies());
        AssertDone(request, 2);
        Assert.Equal(EventType.Done, _engine.Events[^1].Type);
        uint more = _engine.Get(_session, 1, 10, waitMs: 60_000);
        _engine.Run();
        Assert.Equal(["a", "b", "c"], _engine.Bodies());
        AssertDone(more, 1);
    }

    [Fact]
    public void ShouldAnswerAtOnceWhenNothingIsReadyAndNoTimeIsGiven()
    {
        uint request = _engine.Get(_session, 1, 5);
        _engine.Run();
        AssertDone(request, 0);
        Publish("a");
        Assert.Empty(_engine.Bodies()); // Its credit went with it.
    }

    [Fact]
    public void ShouldWaitForTheFirstMessage()
    {
        uint request = _engine.Get(_session, 1, 5, waitMs: 60_000);
        _engine.Run();
        Assert.DoesNotContain(_engine.Events, e => e.Type == EventType.Done);
        Publish("a");
        Assert.Equal(["a"], _engine.Bodies());
        AssertDone(request, 1);
    }

    [Fact]
    public void ShouldAnswerWhenTheTimeIsUp()
    {
        uint soon = _engine.Get(_session, 1, 5, waitMs: 20);
        _engine.Subscribe(_session, "q", 0);
        _engine.Run();
        uint late = _engine.Get(_session, 2, 5, waitMs: 100_000);
        _engine.Run();
        _engine.RunUntil(() => _engine.All<DoneEvent>(EventType.Done).Length > 0);
        AssertDone(soon, 0);
        Publish("a");
        AssertDone(late, 1);
    }

    [Fact]
    public void ShouldGiveTheFirstMessageWhateverItsSizeAndThenKeepToTheBytes()
    {
        Publish(new string('x', 1000), "1234", "1234", "1234");
        uint first = _engine.Get(_session, 1, 5, bytes: 10);
        _engine.Run();
        AssertDone(first, 1);
        uint second = _engine.Get(_session, 1, 5, bytes: 11); // The key's byte counts.
        _engine.Run();
        AssertDone(second, 2);
    }

    [Fact]
    public void ShouldTakeMoreThanOneTurnOfTheQueue()
    {
        Publish([.. Enumerable.Repeat("m", 3000)]);
        uint request = _engine.Get(_session, 1, 2500);
        _engine.Run();
        AssertDone(request, 2500);
        Assert.Equal(2500, _engine.Bodies().Length);
    }

    [Fact]
    public void ShouldKeepToTheUnsettledLimit()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { MaxUnacked = 2 });
        Publish("a", "b", "c");
        uint request = _engine.Get(_session, 2, 5);
        _engine.Run();
        AssertDone(request, 2);
        uint none = _engine.Get(_session, 2, 5);
        _engine.Run();
        AssertDone(none, 0);
    }

    [Fact]
    public void ShouldRefuseASecondOneOrOneOnWhatIsNotOpen()
    {
        _engine.Get(_session, 1, 1, waitMs: 60_000);
        uint second = _engine.Get(_session, 1, 1);
        uint zero = _engine.Get(_session, 1, 0);
        uint unknown = _engine.Get(_session, 9, 1);
        _engine.Run();
        AssertFailed(second, ErrorCode.PreconditionFailed);
        AssertFailed(zero, ErrorCode.InvalidArgument);
        AssertFailed(unknown, ErrorCode.UnknownHandle);
    }

    [Fact]
    public void ShouldFailWithTheQueueAndBeAnsweredWithTheSubscription()
    {
        uint waiting = _engine.Get(_session, 1, 1, waitMs: 60_000);
        _engine.DeclareQueue(_session, "r");
        _engine.Subscribe(_session, "r", 0);
        _engine.Run();
        uint other = _engine.Get(_session, 2, 1, waitMs: 60_000);
        _engine.Unsubscribe(_session, 2);
        _engine.Request(CommandType.DeleteQueue, _session, 0, "q");
        _engine.Run();
        AssertFailed(waiting, ErrorCode.NotFound);
        AssertDone(other, 0);
        uint ended = _engine.Get(_session, 1, 1);
        _engine.Run();
        AssertFailed(ended, ErrorCode.NotFound);
    }

    private void AssertDone(uint request, ulong count) =>
        Assert.Contains(_engine.All<DoneEvent>(EventType.Done), done => done.Request == request && done.Count == count);

    private void AssertFailed(uint request, ErrorCode code) =>
        Assert.Contains(_engine.All<FailedEvent>(EventType.Failed), failed => failed.Request == request && failed.Code == (ushort)code);

    private void Publish(params string[] bodies)
    {
        foreach (string body in bodies)
        {
            _engine.Publish(_session, 1, ++_sequence, body);
            if (_sequence % 500 == 0)
                _engine.Run();
        }
        _engine.Run();
    }
}
