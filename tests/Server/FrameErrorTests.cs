using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class FrameErrorTests
{
    private const int MaxBodyLength = 1000;

    public static TheoryData<string, byte[], ErrorCode> BadFrames() => new()
    {
        { "length 0", Frames.Raw(FrameType.Publish, 0), ErrorCode.FrameError },
        { "length below header", Frames.Raw(FrameType.Publish, 7), ErrorCode.FrameError },
        { "length below minimum", Frames.Raw(FrameType.Publish, 24), ErrorCode.FrameError },
        { "length over maximum", Frames.Raw(FrameType.Credit, 32), ErrorCode.FrameError },
        { "length over limit", Frames.Raw(FrameType.Publish, 100_000_000), ErrorCode.FrameTooLarge },
        { "negative length", Frames.Raw(FrameType.Publish, 0xFFFF_FFFF), ErrorCode.FrameTooLarge },
        { "unknown type", Frames.Raw((FrameType)200, 16), ErrorCode.CommandInvalid },
        { "type 0", Frames.Raw(0, 16), ErrorCode.CommandInvalid },
        { "header flags", Frames.Patched(Frames.Heartbeat(), 5, 1), ErrorCode.FrameError },
        { "hello again", Frames.Hello(), ErrorCode.UnexpectedFrame },
        { "deliver to the server", Frames.Raw(FrameType.Deliver, 64), ErrorCode.UnexpectedFrame },
        { "confirm to the server", Frames.Raw(FrameType.Confirm, 24), ErrorCode.UnexpectedFrame },
        { "padding", Frames.Patched(Frames.DeclareQueue("abc"u8), 23, 1), ErrorCode.FrameError },
        { "string overrun", Frames.Patched(Frames.DeclareQueue("abc"u8), 16, 200), ErrorCode.FrameError },
        { "trailing bytes", Frames.Patched(Frames.DeclareQueue("abc\0\0"u8), 16, 3), ErrorCode.FrameError },
        { "reserved field", Frames.Patched(Frames.Settle(), 14, 1), ErrorCode.FrameError },
        { "routing key overrun", Frames.Patched(Frames.Publish(), 20, 100), ErrorCode.FrameError },
        { "body over limit", Frames.Publish(bodyLength: MaxBodyLength + 1), ErrorCode.ContentTooLarge },
        { "unknown publication", Frames.Publish(publication: 4711), ErrorCode.UnknownHandle },
        { "unknown subscription", Frames.Settle(), ErrorCode.UnknownHandle },
    };

    [Theory]
    [MemberData(nameof(BadFrames))]
    public void ShouldEndTheConnectionWithItsCodeAndNoOther(string name, byte[] bytes, ErrorCode code)
    {
        using ServerHarness harness = new(new BrokerLimits { MaxBodyLength = MaxBodyLength });
        TestPeer other = harness.Open();
        TestPeer peer = harness.Open();

        peer.Send(bytes);
        harness.Until(() => peer.IsEnded, name);

        Assert.Equal(2, peer.Frames.Count);
        Assert.Equal(FrameType.Error, peer.Frames[1].Type);
        (ErrorCode actual, string sentence) = peer.Frames[1].Ending();
        Assert.Equal(code, actual);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        harness.DeclareQueue(other, "still-there");
        peer.Dispose();
        harness.Until(() => harness.Agent.ConnectionCount == 1);
        Assert.Equal(1, harness.Core.SessionIds.Count);
    }

    public static TheoryData<string, byte[]> BadNames() => new()
    {
        { "not utf-8", Frames.DeclareQueue([0xC3, 0x28]) },
    };

    [Theory]
    [MemberData(nameof(BadNames))]
    public void ShouldFailARequestWithABadNameAndGoOn(string name, byte[] bytes)
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open();
        peer.Send(bytes);
        harness.Until(() => peer.Count(FrameType.Failed) == 1, name);
        Assert.Equal(77u, peer.First(FrameType.Failed)!.Fields<FailedEvent>().Request);
        Assert.Equal(ErrorCode.InvalidName, peer.First(FrameType.Failed)!.Failure().Code);
        harness.DeclareQueue(peer, "fine");
    }

    [Fact]
    public void ShouldThrowAwayWhatComesBehindABadFrame()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open();
        byte[] declare = Frames.DeclareQueue("never"u8);
        peer.Send([.. Frames.Raw((FrameType)200, 16, 16), .. declare, .. declare]);
        harness.Until(() => peer.IsEnded);
        Assert.Equal(0, peer.Count(FrameType.QueueDeclared));

        // What a peer goes on sending does not keep it from reading the error, and not for ever either.
        harness.Steps(10);
        harness.Clock.Advance(TimeSpan.FromSeconds(2));
        harness.Until(() => harness.Agent.ConnectionCount == 0);
    }

    [Fact]
    public void ShouldAnswerACloseAfterEverythingBeforeIt()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open();
        peer.SendDeclareQueue("q");
        peer.SendClose();
        harness.Until(() => peer.IsEnded);

        Assert.Equal([FrameType.Welcome, FrameType.QueueDeclared, FrameType.Close], peer.Frames.Select(frame => frame.Type));
        Assert.Equal(ErrorCode.None, peer.Frames[2].Ending().Code);
        peer.Dispose();
        harness.Until(() => harness.Agent.ConnectionCount == 0 && harness.Core.SessionIds.Count == 0);
    }

    [Fact]
    public void ShouldAnswerAPeerThatEndsItsStreamBehindItsLastWord()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open();
        peer.SendDeclareQueue("q");
        peer.SendClose();
        peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        harness.Until(() => peer.IsEnded);
        Assert.Equal([FrameType.Welcome, FrameType.QueueDeclared, FrameType.Close], peer.Frames.Select(frame => frame.Type));
        harness.Until(() => harness.Agent.ConnectionCount == 0 && harness.Core.SessionIds.Count == 0);

        TestPeer stranger = harness.Connect();
        stranger.Send("GET / HTTP/1.1\r\n\r\n"u8);
        stranger.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        harness.Until(() => stranger.IsEnded);
        Assert.Equal(ErrorCode.NotThisProtocol, Assert.Single(stranger.Frames).Ending().Code);
        harness.Until(() => harness.Agent.ConnectionCount == 0);
    }
}
