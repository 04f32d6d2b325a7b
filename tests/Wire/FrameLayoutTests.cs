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
            24, ("Header", 0), ("Magic", 8), ("Version", 12), ("MinVersion", 14), ("HeartbeatMs", 16), ("Reserved", 20));
        ShouldLayOut<WelcomeFrame>(
            48, ("Header", 0), ("Magic", 8), ("Version", 12), ("Reserved", 14), ("HeartbeatMs", 16), ("MaxFrameLength", 20),
            ("MaxBodyLength", 24), ("MaxWindow", 28), ("MaxCreditMessages", 32), ("Epoch", 36), ("BrokerId", 40));
        ShouldLayOut<CloseFrame>(16, ("Header", 0), ("Code", 8), ("Reserved0", 10), ("Reserved1", 12));
        ShouldLayOut<HeartbeatFrame>(8, ("Header", 0));
        ShouldLayOut<DoneFrame>(16, ("Header", 0), ("Request", 8), ("Reserved", 12));
        ShouldLayOut<FailedFrame>(16, ("Header", 0), ("Request", 8), ("Code", 12), ("Reserved", 14));
    }

    [Fact]
    public void ShouldLayOutPublicationFrames()
    {
        ShouldLayOut<OpenPublicationFrame>(
            24, ("Header", 0), ("Request", 8), ("Window", 12), ("Level", 16), ("Flags", 17), ("Reserved0", 18), ("Reserved1", 20));
        ShouldLayOut<PublicationOpenedFrame>(
            32, ("Header", 0), ("Request", 8), ("Publication", 12), ("Window", 16), ("Reserved", 20), ("LastSequence", 24));
        ShouldLayOut<ClosePublicationFrame>(16, ("Header", 0), ("Request", 8), ("Publication", 12));
        ShouldLayOut<PublishFrame>(
            FrameLayout.PublishPayload, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("RoutingKeyLength", 20), ("HeadersLength", 22),
            ("PublishedNs", 24));
        ShouldLayOut<ConfirmFrame>(
            24, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("Level", 20), ("Reserved0", 21), ("Reserved1", 22));
        ShouldLayOut<RejectedFrame>(24, ("Header", 0), ("Sequence", 8), ("Publication", 16), ("Code", 20), ("Reserved", 22));
        ShouldLayOut<PublicationReadyFrame>(16, ("Header", 0), ("Publication", 8), ("Reserved", 12));
        ShouldLayOut<PublicationEndedFrame>(16, ("Header", 0), ("Publication", 8), ("Code", 12), ("Reserved", 14));
    }

    [Fact]
    public void ShouldLayOutSubscriptionFrames()
    {
        ShouldLayOut<SubscribeFrame>(24, ("Header", 0), ("Request", 8), ("CreditMessages", 12), ("CreditBytes", 16));
        ShouldLayOut<SubscribedFrame>(16, ("Header", 0), ("Request", 8), ("Subscription", 12));
        ShouldLayOut<UnsubscribeFrame>(16, ("Header", 0), ("Request", 8), ("Subscription", 12));
        ShouldLayOut<SubscriptionEndedFrame>(16, ("Header", 0), ("Subscription", 8), ("Code", 12), ("Reserved", 14));
        ShouldLayOut<CreditFrame>(24, ("Header", 0), ("Subscription", 8), ("Messages", 12), ("Bytes", 16));
        ShouldLayOut<DeliverFrame>(
            FrameLayout.DeliverPayload, ("Header", 0), ("Tag", 8), ("QueueSequence", 16), ("Subscription", 24), ("DispatchedDeltaNs", 28),
            ("PublishedNs", 32), ("ReceivedNs", 40), ("JournaledDeltaNs", 48), ("RoutingKeyLength", 52), ("HeadersLength", 54));
        ShouldLayOut<SettleFrame>(
            48, ("Header", 0), ("Subscription", 8), ("Kind", 12), ("Reserved0", 13), ("Reserved1", 14), ("FirstTag", 16), ("LastTag", 24),
            ("CreditMessages", 32), ("Reserved2", 36), ("CreditBytes", 40));
    }

    [Fact]
    public void ShouldLayOutDefinitionFrames()
    {
        ShouldLayOut<DeclareQueueFrame>(
            24, ("Header", 0), ("Request", 8), ("Flags", 12), ("Reserved0", 13), ("Reserved1", 14), ("MaxLength", 16));
        ShouldLayOut<QueueDeclaredFrame>(24, ("Header", 0), ("Request", 8), ("Consumers", 12), ("Ready", 16));
        ShouldLayOut<DeclareExchangeFrame>(16, ("Header", 0), ("Request", 8), ("Flags", 12), ("Kind", 13), ("Reserved", 14));
        ShouldLayOut<NamedRequestFrame>(16, ("Header", 0), ("Request", 8), ("Reserved", 12));
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
            ("Rejected", 21), ("PublicationReady", 22), ("PublicationEnded", 23),
            ("Subscribe", 32), ("Subscribed", 33), ("Unsubscribe", 34), ("SubscriptionEnded", 35), ("Credit", 36), ("Deliver", 37), ("Settle", 38),
            ("DeclareQueue", 48), ("QueueDeclared", 49), ("DeleteQueue", 50), ("DeclareExchange", 51), ("DeleteExchange", 52), ("Bind", 53),
            ("Unbind", 54),
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
