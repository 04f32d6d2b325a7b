using System.Runtime.InteropServices;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>After a lost connection.</content>
public sealed partial class TcpProtocolTests
{
    [Fact]
    public async Task ShouldSendAgainWhatIsUndecidedAndNothingElse()
    {
        var rejected = new List<ulong>();
        FakeSession session = await Connect();
        Publication publication = await Open(session, handle: 5, window: 100, lastSequence: 0, new PublicationOptions
        {
            PublisherName = "me", OnReject = (Publication _, in Rejection rejection) => rejected.Add(rejection.Sequence),
        });
        for (int i = 1; i <= 6; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish([(byte)i]));
        for (ulong i = 1; i <= 6; i++)
            Assert.Equal((i, 5U, (byte)i), ReadPublish(session));
        session.Send(buffer => FrameWriter.WriteConfirm(buffer, 5, 2, DurabilityLevel.Disk));
        session.Send(buffer => FrameWriter.WriteRejectedEncoded(buffer, 5, 4, ErrorCode.NoRoute, [1, (byte)'q', 2, 0, (byte)'n', (byte)'o']));
        session.Send(buffer => FrameWriter.WriteRejectedEncoded(buffer, 5, 5, ErrorCode.NoRoute, [0, 0, 0]));
        Eventually.True(() => rejected.Count == 2, "rejections");
        Assert.Equal(2UL, publication.ConfirmedSequence); // The rejected ones are behind an undecided one.
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        AnswerOpen(session, handle: 9, window: 100, lastSequence: 3);

        Assert.Equal((3UL, 9U, (byte)3), ReadPublish(session));
        Assert.Equal((6UL, 9U, (byte)6), ReadPublish(session));
        session.Send(buffer => FrameWriter.WriteConfirm(buffer, 9, 3, DurabilityLevel.Process));
        Eventually.True(() => publication.ConfirmedSequence == 5, "two rejected ones decided with the one before them");
        session.Send(buffer => FrameWriter.WriteConfirm(buffer, 9, 6, DurabilityLevel.Disk));
        Eventually.True(() => publication.IsIdle, "all");
        Assert.Equal(DurabilityLevel.Disk, publication.ConfirmedLevel);
        Assert.Equal([4UL, 5UL], rejected);
    }

    [Fact]
    public async Task ShouldKeepWithinTheWindowGrantedAfterAReconnect()
    {
        FakeSession session = await Connect();
        Publication publication = await Open(session, handle: 1, window: 4, lastSequence: 0, new PublicationOptions { Window = 10 });
        Assert.Equal(4, publication.Window);
        for (int i = 1; i <= 4; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish([(byte)i]));
        Assert.Equal(PublishStatus.WindowFull, publication.TryPublish([5]));
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        AnswerOpen(session, handle: 1, window: 2, lastSequence: 0);

        Assert.Equal((1UL, 1U, (byte)1), ReadPublish(session));
        Assert.Equal((2UL, 1U, (byte)2), ReadPublish(session));
        Task<QueueInfo> marker = _connection!.DeclareQueueAsync("marker");
        session.Read(FrameType.DeclareQueue); // Nothing is sent before the window moves.
        session.Send(buffer => FrameWriter.WriteConfirm(buffer, 1, 1, DurabilityLevel.Disk));
        Assert.Equal((3UL, 1U, (byte)3), ReadPublish(session));
        Assert.False(marker.IsCompleted);
    }

    [Fact]
    public async Task ShouldKeepWhatAStoppingBrokerRejectsForTheNextOne()
    {
        FakeSession session = await Connect();
        Publication publication = await Open(session, handle: 1, window: 4, lastSequence: 0, new PublicationOptions());
        Task<Confirmation> publishing = publication.PublishAsync(new byte[] { 1 }).AsTask();
        ReadPublish(session);
        session.Send(buffer => FrameWriter.WriteRejectedEncoded(buffer, 1, 1, ErrorCode.ShuttingDown, [0, 0, 0]));
        session.Send(buffer => FrameWriter.WriteClose(buffer, ErrorCode.ShuttingDown, "bye"));

        session = _broker.AcceptAndWelcome();
        AnswerOpen(session, handle: 1, window: 4, lastSequence: 0);
        Assert.Equal((1UL, 1U, (byte)1), ReadPublish(session));
        session.Send(buffer => FrameWriter.WriteConfirm(buffer, 1, 1, DurabilityLevel.Disk));

        Assert.Equal(new Confirmation(1, DurabilityLevel.Disk), await Eventually.Done(publishing));
    }

    [Fact]
    public async Task ShouldCloseAPublicationWhoseNameWasUsedElsewhereMeanwhile()
    {
        FakeSession session = await Connect();
        Publication publication = await Open(session, handle: 1, window: 4, lastSequence: 0, new PublicationOptions { PublisherName = "me" });
        Task<Confirmation> publishing = publication.PublishAsync(new byte[] { 1 }).AsTask();
        ReadPublish(session);
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        AnswerOpen(session, handle: 1, window: 4, lastSequence: 8);

        Assert.Equal(ErrorCode.TakenOver, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(publishing))).Code);
        Assert.Equal(PublishStatus.Closed, publication.Status);
        session.Read(FrameType.ClosePublication);
    }

    [Fact]
    public async Task ShouldRestoreWhatWasDeclaredInOrderThenRepeatTheUnanswered()
    {
        FakeSession session = await Connect();
        await Declare(session, _connection!.DeclareQueueAsync("kept"), FrameType.DeclareQueue);
        await Declare(session, _connection.DeclareQueueAsync("deleted"), FrameType.DeclareQueue);
        await Declare(session, _connection.DeclareQueueAsync("asked", new QueueOptions { Passive = true }), FrameType.DeclareQueue);
        await Declare(session, _connection.DeclareExchangeAsync("exchange"), FrameType.DeclareExchange);
        await Declare(session, _connection.BindAsync("exchange", "kept", "one"), FrameType.Bind);
        await Declare(session, _connection.BindAsync("exchange", "kept", "two"), FrameType.Bind);
        await Declare(session, _connection.UnbindAsync("exchange", "kept", "one"), FrameType.Unbind);
        await Declare(session, _connection.DeleteQueueAsync("deleted"), FrameType.DeleteQueue);
        await Subscribe(session, 16, (Subscription _, in Delivery _) => { });
        Task deleting = _connection.DeleteQueueAsync("gone");
        session.Read(FrameType.DeleteQueue);
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        Assert.Equal("kept", TestFrames.PartsOf(session.Read(FrameType.DeclareQueue))[0]);
        session.Read(FrameType.DeclareExchange);
        Assert.Equal("two", TestFrames.PartsOf(session.Read(FrameType.Bind))[2]);
        Assert.Equal(16U, MemoryMarshal.Read<SubscribeCommand>(session.Read(FrameType.Subscribe)).CreditMessages);
        uint request = RequestOf(session.Read(FrameType.DeleteQueue));
        Assert.False(deleting.IsCompleted);
        session.Send(buffer => FrameWriter.WriteFailed(buffer, request, ErrorCode.NotFound, "no such queue"));
        await Eventually.Done(deleting); // The first one had deleted it.
    }

    [Fact]
    public async Task ShouldFollowAQueueThatTheBrokerNamesAnew()
    {
        var renamed = new List<(string From, string To)>();
        FakeSession session = await Connect(new ConnectionOptions { OnQueueRenamed = (_, from, to) => renamed.Add((from, to)) });
        Task<QueueInfo> declaring = _connection!.DeclareQueueAsync("", new QueueOptions { Exclusive = true });
        Name(session, "amq.gen-1");
        Assert.Equal("amq.gen-1", (await Eventually.Done(declaring)).Name);
        await Declare(session, _connection.BindAsync("ticks", "amq.gen-1", "*", new FieldTable().Add("x", 1)), FrameType.Bind);
        Task<Subscription> subscribing = _connection.SubscribeAsync("amq.gen-1", (Subscription _, in Delivery _) => { });
        uint id = RequestOf(session.Read(FrameType.Subscribe));
        session.Send(buffer => TestFrames.WriteSubscribed(buffer, id, 3, "amq.gen-1"));
        Subscription subscription = await Eventually.Done(subscribing);
        for (int round = 2; round <= 3; round++)
        {
            session.Dispose();
            session = _broker.AcceptAndWelcome();
            Name(session, $"amq.gen-{round}"); // What is behind waits for it.
            string[] binding = TestFrames.PartsOf(session.Read(FrameType.Bind));
            Assert.Equal(["ticks", $"amq.gen-{round}", "*"], binding[..3]);
            Assert.NotEmpty(binding[3]);
            byte[] frame = session.Read(FrameType.Subscribe);
            Assert.Equal($"amq.gen-{round}", TestFrames.PartsOf(frame)[0]);
            session.Send(buffer => TestFrames.WriteSubscribed(buffer, RequestOf(frame), 3, $"amq.gen-{round}"));
            Eventually.True(() => subscription.Queue == $"amq.gen-{round}", "renamed");
        }

        Assert.Equal([("amq.gen-1", "amq.gen-2"), ("amq.gen-2", "amq.gen-3")], renamed);
    }

    [Fact]
    public async Task ShouldTryAnExclusiveQueueAgainWhileTheOldConnectionHoldsIt()
    {
        FakeSession session = await Connect();
        await Declare(session, _connection!.DeclareQueueAsync("mine", new QueueOptions { Exclusive = true }), FrameType.DeclareQueue);
        session.Dispose();
        for (int attempt = 0; attempt < 2; attempt++)
        {
            session = _broker.AcceptAndWelcome();
            uint held = RequestOf(session.Read(FrameType.DeclareQueue));
            session.Send(buffer => FrameWriter.WriteFailed(buffer, held, ErrorCode.ResourceLocked, "held"));
        }

        session = _broker.AcceptAndWelcome();
        uint id = RequestOf(session.Read(FrameType.DeclareQueue));
        session.Send(buffer => TestFrames.WriteQueueDeclared(buffer, id, 0, 0, "mine"));
        Eventually.True(() => _connection.State == ConnectionState.Ready, "ready");
        await Declare(session, _connection.DeclareQueueAsync("other"), FrameType.DeclareQueue);
    }

    [Fact]
    public async Task ShouldRestoreSubscriptionsWithAllTheirOptions()
    {
        FakeSession session = await Connect();
        await Declare(session, _connection!.SetMaxUnackedAsync(77), FrameType.SetMaxUnacked);
        Task<Subscription> subscribing = _connection.SubscribeAsync(
            "q", (Subscription _, in Delivery _) => { },
            new SubscriptionOptions { Credit = 5, MaxUnacked = 4, Priority = -3, Conflate = true, ConflationKey = "symbol", Exclusive = true });
        byte[] first = session.Read(FrameType.Subscribe);
        session.Send(buffer => TestFrames.WriteSubscribed(buffer, RequestOf(first), 3));
        await Eventually.Done(subscribing);
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        Assert.Equal(77U, MemoryMarshal.Read<RequestCommand>(session.Read(FrameType.SetMaxUnacked)).Flags);
        byte[] again = session.Read(FrameType.Subscribe);
        SubscribeCommand subscribe = MemoryMarshal.Read<SubscribeCommand>(again);
        Assert.Equal((5U, 4U, -3), (subscribe.CreditMessages, subscribe.MaxUnacked, subscribe.Priority));
        Assert.Equal(SubscribeFlags.Conflate | SubscribeFlags.Exclusive, (SubscribeFlags)subscribe.Flags);
        Assert.Equal(["q", "symbol"], TestFrames.PartsOf(again));
    }

    [Fact]
    public async Task ShouldSayThatTheOutcomeOfACommitIsNotKnown()
    {
        FakeSession session = await Connect();
        Publication publication = await Open(session, handle: 7, window: 4, lastSequence: 0, new PublicationOptions());
        LowLatency.Client.Transaction transaction = _connection!.BeginTransaction();
        transaction.Publish(publication, new byte[] { 9 });
        Task<long> committing = transaction.CommitAsync();
        Assert.Equal((0UL, 7U, (byte)9), ReadPublish(session));
        session.Read(FrameType.CommitTransaction);
        session.Dispose();

        LowLatencyException error = await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(committing));
        Assert.Equal(ErrorCode.NotConnected, error.Code);
        Assert.Contains("not known", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ShouldTellWhatCouldNotBeRestored()
    {
        var errors = new List<LowLatencyException>();
        FakeSession session = await Connect(new ConnectionOptions { OnError = errors.Add });
        Subscription subscription = await Subscribe(session, 16, (Subscription _, in Delivery _) => { });
        session.Dispose();

        session = _broker.AcceptAndWelcome();
        uint request = RequestOf(session.Read(FrameType.Subscribe));
        session.Send(buffer => FrameWriter.WriteFailed(buffer, request, ErrorCode.NotFound, "no such queue"));

        Eventually.True(() => subscription.IsClosed && errors.Count == 1, "ended");
        Assert.Equal(ErrorCode.NotFound, subscription.Error!.Code);
        Assert.Same(subscription.Error, errors[0]);
        Assert.Equal(ConnectionState.Ready, _connection!.State);
    }

    private static void Name(FakeSession session, string name)
    {
        byte[] frame = session.Read(FrameType.DeclareQueue);
        Assert.Equal("", TestFrames.PartsOf(frame)[0]);
        Assert.False(session.HasMore(20), "nothing behind it");
        session.Send(buffer => TestFrames.WriteQueueDeclared(buffer, RequestOf(frame), 0, 0, name));
    }

    private static async Task Declare(FakeSession session, Task request, FrameType type)
    {
        uint id = RequestOf(session.Read(type));
        session.Send(buffer => type == FrameType.DeclareQueue ? TestFrames.WriteQueueDeclared(buffer, id, 0, 0) : TestFrames.WriteDone(buffer, id));
        await Eventually.Done(request);
    }

    private async Task<Publication> Open(FakeSession session, uint handle, uint window, ulong lastSequence, PublicationOptions options)
    {
        Task<Publication> opening = _connection!.OpenPublicationAsync(options);
        AnswerOpen(session, handle, window, lastSequence);
        return await Eventually.Done(opening);
    }

    private static void AnswerOpen(FakeSession session, uint handle, uint window, ulong lastSequence)
    {
        uint request = RequestOf(session.Read(FrameType.OpenPublication));
        session.Send(buffer => TestFrames.WritePublicationOpened(buffer, request, handle, window, lastSequence));
    }

    private static (ulong Sequence, uint Handle, byte FirstByte) ReadPublish(FakeSession session)
    {
        byte[] frame = session.Read(FrameType.Publish);
        Assert.True(FrameParser.TryParsePublish(frame, 100_000, out PublishView view, out _));
        return (view.Fields.Sequence, view.Fields.Publication, frame[FrameLayout.PublishPayload]);
    }
}
