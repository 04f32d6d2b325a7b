using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Pins what is on the wire: sizes, offsets, numbers. A change here is a new version of the protocol.</summary>
public class FrameLayoutTests
{
    [Fact]
    public void ShouldLayOutConnectionFrames()
    {
        ShouldLayOut<FrameHeader>(8, ("Length", 0), ("Type", 4), ("Flags", 5), ("Extra", 6));
        ShouldLayOut<HelloFrame>(
            24, ("Header", 0), ("Magic", 8), ("Version", 12), ("MinVersion", 14), ("HeartbeatMs", 16), ("Flags", 20));
        ShouldLayOut<WelcomeFrame>(
            48, ("Header", 0), ("Magic", 8), ("Version", 12), ("Flags", 14), ("HeartbeatMs", 16), ("MaxFrameLength", 20),
            ("MaxBodyLength", 24), ("MaxWindow", 28), ("MaxCreditMessages", 32), ("Epoch", 36), ("BrokerId", 40));
        ShouldLayOut<CloseFrame>(16, ("Header", 0), ("Code", 8), ("Reserved0", 10), ("Reserved1", 12));
        ShouldLayOut<HeartbeatFrame>(8, ("Header", 0));
        ShouldLayOut<BatchFrame>(FrameLayout.BatchBlock, ("Header", 0), ("OriginalLength", 8), ("Reserved", 12));
    }

    [Fact]
    public void ShouldLayOutPublicationFrames()
    {
        ShouldLayOut<PublishFrame>(
            FrameLayout.PublishPayload, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("RoutingKeyLength", 20), ("Flags", 21),
            ("HeadersLength", 22), ("PublishedNs", 24));
        ShouldLayOut<ConfirmFrame>(
            24, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("Level", 20), ("Reserved0", 21), ("Reserved1", 22));
        ShouldLayOut<RejectedFrame>(24, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("Code", 20), ("Reserved", 22));
        ShouldLayOut<PublicationReadyFrame>(16, ("Header", 0), ("Publication", 8), ("Reserved", 12));
        ShouldLayOut<PublicationEndedFrame>(16, ("Header", 0), ("Publication", 8), ("Code", 12), ("Reserved", 14));
    }

    [Fact]
    public void ShouldLayOutSubscriptionFrames()
    {
        ShouldLayOut<SubscriptionEndedFrame>(16, ("Header", 0), ("Subscription", 8), ("Code", 12), ("Reserved", 14));
        ShouldLayOut<CreditFrame>(24, ("Header", 0), ("Subscription", 8), ("Messages", 12), ("Bytes", 16));
        ShouldLayOut<DeliverFrame>(
            FrameLayout.DeliverPayload, ("Header", 0), ("Tag", 8), ("QueueSequence", 16), ("Subscription", 24), ("DispatchedDeltaNs", 28),
            ("PublishedNs", 32), ("ReceivedNs", 40), ("JournaledDeltaNs", 48), ("RoutingKeyLength", 52), ("HeadersLength", 54));
        ShouldLayOut<DeliverConflatedFrame>(FrameLayout.DeliverConflatedPayload, ("Deliver", 0), ("FirstSequence", 56), ("Elided", 64));
        ShouldLayOut<SettleFrame>(
            48, ("Header", 0), ("Subscription", 8), ("Kind", 12), ("Flags", 13), ("Reserved1", 14), ("FirstTag", 16), ("LastTag", 24),
            ("CreditMessages", 32), ("Reserved2", 36), ("CreditBytes", 40));
    }

    // These are frames behind their header as they stand: the first 8 bytes are the session's.
    [Fact]
    public void ShouldLayOutRequestsAsFrames()
    {
        ShouldLayOut<RequestCommand>(16, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Flags", 12));
        ShouldLayOut<OpenPublicationCommand>(
            24, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Window", 12), ("Level", 16), ("Flags", 17), ("Reserved1", 18), ("Reserved2", 20));
        ShouldLayOut<ClosePublicationCommand>(16, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Publication", 12));
        ShouldLayOut<SubscribeCommand>(
            40, ("Session", 0), ("Reserved", 4), ("Request", 8), ("CreditMessages", 12), ("CreditBytes", 16), ("MaxUnacked", 24), ("Priority", 28),
            ("Flags", 32), ("Reserved1", 36));
        ShouldLayOut<UnsubscribeCommand>(
            24, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Subscription", 12), ("Flags", 16), ("Reserved1", 20));
        ShouldLayOut<GetCommand>(
            32, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Subscription", 12), ("MaxMessages", 16), ("WaitMs", 20), ("MaxBytes", 24));
        ShouldLayOut<DeclareExchangeCommand>(
            16, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Flags", 12), ("Kind", 14), ("Reserved1", 15));
    }

    [Fact]
    public void ShouldLayOutAnswersAsFrames()
    {
        ShouldLayOut<DoneEvent>(24, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Reserved1", 12), ("Count", 16));
        ShouldLayOut<FailedEvent>(16, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Code", 12), ("Reserved1", 14));
        ShouldLayOut<PublicationOpenedEvent>(
            32, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Publication", 12), ("Window", 16), ("Reserved1", 20), ("LastSequence", 24));
        ShouldLayOut<SubscribedEvent>(16, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Subscription", 12));
        ShouldLayOut<QueueDeclaredEvent>(24, ("Session", 0), ("Reserved", 4), ("Request", 8), ("Consumers", 12), ("Ready", 16));
        ShouldLayOut<PublicationBlockedEvent>(24, ("Session", 0), ("Reserved", 4), ("Publication", 8), ("Code", 12), ("Reserved1", 14), ("SinceNs", 16));
        ShouldLayOut<PublicationUnblockedEvent>(24, ("Session", 0), ("Reserved", 4), ("Publication", 8), ("Reserved1", 12), ("LastedNs", 16));
        ShouldLayOut<SubscriptionActiveEvent>(16, ("Session", 0), ("Reserved", 4), ("Subscription", 8), ("IsActive", 12));
    }

    [Fact]
    public void ShouldHaveAFrameForEveryRequestAndAnswer()
    {
        CommandType[] others = [CommandType.OpenSession, CommandType.CloseSession, CommandType.Publish, CommandType.Credit, CommandType.Settle];
        foreach (CommandType command in Enum.GetValues<CommandType>().Except(others))
        {
            Assert.Equal(command.ToString(), FrameShape.Of(command).ToString());
            Assert.Equal(command, FrameShape.Of(FrameShape.Of(command))!.Command);
        }

        EventType[] answers =
        [
            EventType.Done, EventType.Failed, EventType.PublicationOpened, EventType.Subscribed, EventType.QueueDeclared, EventType.SubscriptionActive,
            EventType.PublicationBlocked, EventType.PublicationUnblocked,
        ];
        foreach (EventType type in Enum.GetValues<EventType>())
            Assert.Equal(answers.Contains(type) ? type.ToString() : "0", FrameShape.Of(type).ToString());
    }

    [Fact]
    public void ShouldRepeatTheDeliveredBlockOfARecord()
    {
        static int InBlock(string field) => (int)Marshal.OffsetOf<DeliverFrame>(field) - FrameLayout.DeliverBlock;

        Assert.Equal(MessageLayout.DeliveredBlockLength, FrameLayout.DeliverPayload - FrameLayout.DeliverBlock);
        Assert.Equal(MessageLayout.PublishedNs - MessageLayout.PublishedNs, InBlock("PublishedNs"));
        Assert.Equal(MessageLayout.ReceivedNs - MessageLayout.PublishedNs, InBlock("ReceivedNs"));
        Assert.Equal(MessageLayout.JournaledDeltaNs - MessageLayout.PublishedNs, InBlock("JournaledDeltaNs"));
        Assert.Equal(MessageLayout.RoutingKeyLength - MessageLayout.PublishedNs, InBlock("RoutingKeyLength"));
        Assert.Equal(MessageLayout.HeadersLength - MessageLayout.PublishedNs, InBlock("HeadersLength"));
    }

    [Fact]
    public void ShouldKeepNumbersOfTypes()
    {
        (string, int)[] frozen =
        [
            ("Hello", 1), ("Welcome", 2), ("Error", 3), ("Close", 4), ("Heartbeat", 5), ("Done", 6), ("Failed", 7),
            ("OpenPublication", 16), ("PublicationOpened", 17), ("ClosePublication", 18), ("Publish", 19), ("Confirm", 20),
            ("Rejected", 21), ("PublicationReady", 22), ("PublicationEnded", 23), ("CommitTransaction", 24), ("RollbackTransaction", 25),
            ("PublicationBlocked", 26), ("PublicationUnblocked", 27),
            ("Subscribe", 32), ("Subscribed", 33), ("Unsubscribe", 34), ("SubscriptionEnded", 35), ("Credit", 36), ("Deliver", 37), ("Settle", 38),
            ("Get", 39), ("DeliverConflated", 40), ("SubscriptionActive", 41), ("Recover", 42), ("SetMaxUnacked", 43),
            ("DeclareQueue", 48), ("QueueDeclared", 49), ("DeleteQueue", 50), ("DeclareExchange", 51), ("DeleteExchange", 52), ("Bind", 53),
            ("Unbind", 54), ("PurgeQueue", 55), ("DeclareVirtualHost", 56), ("DeleteVirtualHost", 57),
            ("Batch", 64),
        ];

        Assert.Equal(frozen, Enum.GetValues<FrameType>().Select(type => (type.ToString(), (int)type)));
        Assert.Equal("LLP1"u8, BitConverter.GetBytes(FrameLayout.Magic));
        Assert.Equal(1, FrameLayout.Version);
    }

    [Theory, InlineData(8, 8), InlineData(9, 16), InlineData(15, 16), InlineData(16, 16), InlineData(1114430, 1114432)]
    public void ShouldPadToEight(int length, int padded)
    {
        Assert.Equal(padded, FrameLayout.PaddedLength(length));
        Assert.Equal(padded - length, FrameWriter.PaddingAfter(length));
    }

    [Fact]
    public void ShouldFitTheLargestMessageIntoAFrameBothWays()
    {
        BrokerLimits limits = new();
        int payload = FrameLayout.MaxStringLength + ushort.MaxValue + limits.MaxBodyLength;

        Assert.InRange(FrameLayout.PublishPayload + payload, 0, limits.MaxFrameLength);
        Assert.InRange(FrameLayout.DeliverPayload + payload, 0, limits.MaxFrameLength);
        Assert.InRange(FrameLayout.DeliverConflatedPayload + payload, 0, limits.MaxFrameLength);
    }

    [Fact]
    public void ShouldFitEveryBatchIntoAFrameWhateverTheLimits()
    {
        Assert.InRange(FrameLayout.MaxBatchLength, 0, new BrokerLimits { MaxBodyLength = 1 }.MaxFrameLength);
        Assert.Equal(65_536, FrameLayout.MaxBatchLength);
    }

    private static void ShouldLayOut<TFrame>(int size, params (string Field, int Offset)[] fields)
        where TFrame : unmanaged
    {
        Assert.Equal(size, Unsafe.SizeOf<TFrame>());
        foreach ((string field, int offset) in fields)
            Assert.True(offset == (int)Marshal.OffsetOf<TFrame>(field), $"{typeof(TFrame).Name}.{field} is not at {offset}");
        Assert.Equal(fields.Length, typeof(TFrame).GetFields(
            System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Public).Length);
    }
}
