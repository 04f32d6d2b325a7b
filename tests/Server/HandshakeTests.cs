using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class HandshakeTests
{
    [Fact]
    public void ShouldWelcomeWithTheBrokersLimits()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open(heartbeatMs: 3000);

        WelcomeFrame welcome = peer.First(FrameType.Welcome)!.Fields<WelcomeFrame>();
        Assert.Equal(FrameLayout.Magic, welcome.Magic);
        Assert.Equal(FrameLayout.Version, welcome.Version);
        Assert.Equal(3000u, welcome.HeartbeatMs);
        Assert.Equal((uint)harness.Core.Limits.MaxFrameLength, welcome.MaxFrameLength);
        Assert.Equal((uint)harness.Core.Limits.MaxBodyLength, welcome.MaxBodyLength);
        Assert.Equal((uint)harness.Core.Limits.MaxWindow, welcome.MaxWindow);
        Assert.Equal((uint)harness.Core.Limits.MaxCreditMessages, welcome.MaxCreditMessages);
        Assert.Equal(7u, welcome.Epoch);
        Assert.Equal(42ul, welcome.BrokerId);
    }

    [Theory]
    [InlineData(0u, 10_000u)]
    [InlineData(60_000u, 10_000u)]
    [InlineData(1u, 200u)]
    [InlineData(5000u, 5000u)]
    public void ShouldAgreeOnAHeartbeatWithinLimits(uint asked, uint agreed)
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open(asked);
        Assert.Equal(agreed, peer.First(FrameType.Welcome)!.Fields<WelcomeFrame>().HeartbeatMs);
    }

    public static TheoryData<string, byte[], ErrorCode> BadOpenings() => new()
    {
        { "http", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ErrorCode.NotThisProtocol },
        { "amqp", Encoding.ASCII.GetBytes("AMQP\0\0\u0009\u0001AMQP\0\0\u0009\u0001"), ErrorCode.NotThisProtocol },
        { "tls", [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 1, 2, 3, 4, 5], ErrorCode.NotThisProtocol },
        { "wrong magic", Frames.Hello(hello => hello with { Magic = 0x12345678 }), ErrorCode.NotThisProtocol },
        { "oversized hello", Frames.Raw(FrameType.Hello, 1_000_000), ErrorCode.NotThisProtocol },
        { "version too new", Frames.Hello(hello => hello with { Version = 9, MinVersion = 2 }), ErrorCode.UnsupportedVersion },
        { "version order", Frames.Hello(hello => hello with { Version = 1, MinVersion = 3 }), ErrorCode.FrameError },
        { "version 0", Frames.Hello(hello => hello with { MinVersion = 0 }), ErrorCode.FrameError },
        { "reserved", Frames.Hello(hello => hello with { Flags = 2 }), ErrorCode.FrameError },
        { "virtual host", Frames.Hello(virtualHost: "/other"), ErrorCode.NotAllowed },
        { "no virtual host", Frames.Hello(virtualHost: ""), ErrorCode.NotAllowed },
        { "publish first", Frames.Publish(), ErrorCode.UnexpectedFrame },
        { "heartbeat first", Frames.Heartbeat(), ErrorCode.UnexpectedFrame },
        { "welcome to the server", Frames.Raw(FrameType.Welcome, 64), ErrorCode.UnexpectedFrame },
        { "string overrun", Frames.Patched(Frames.Hello(), 24, 255), ErrorCode.FrameError },
        { "client name not utf-8", Frames.Patched(Frames.Hello(), 25, 0xFF), ErrorCode.InvalidName },
    };

    [Theory]
    [MemberData(nameof(BadOpenings))]
    public void ShouldRefuseABadOpeningWithItsCode(string name, byte[] bytes, ErrorCode code)
    {
        using ServerHarness harness = new();
        TestPeer other = harness.Open();
        TestPeer peer = harness.Connect();

        peer.Send(bytes);
        harness.Until(() => peer.IsEnded, name);

        (ErrorCode actual, string sentence) = Assert.Single(peer.Frames).Ending();
        Assert.Equal(FrameType.Error, peer.Frames[0].Type);
        Assert.Equal(code, actual);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        harness.DeclareQueue(other, "still-there");
        Assert.False(other.IsEnded);
    }

    [Fact]
    public void ShouldAcceptEveryVersionRangeWithOursInIt()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Connect();
        peer.Send(Frames.Hello(hello => hello with { Version = 5, MinVersion = 1 }));
        harness.Until(() => peer.Count(FrameType.Welcome) == 1);
    }

    [Fact]
    public void ShouldTakeFramesThatComeRightBehindTheHello()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Connect();
        byte[] frame = new byte[FrameWriter.MaxControlLength];
        int length = TestFrames.WriteDeclareQueue(frame, 9, QueueFlags.None, 0, "q"u8);
        peer.Send([.. Frames.Hello(), .. frame.AsSpan(0, length)]);
        harness.Until(() => peer.Count(FrameType.QueueDeclared) == 1);
        Assert.Equal(FrameType.Welcome, peer.Frames[0].Type);
    }

    [Fact]
    public void ShouldTimeOutASilentHandshake()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Connect();
        harness.Until(() => harness.Agent.ConnectionCount == 1);

        harness.Clock.Advance(TimeSpan.FromMilliseconds(harness.Core.Limits.HandshakeTimeoutMs));
        harness.Steps(20);
        Assert.Empty(peer.Frames);

        harness.Clock.Advance(TimeSpan.FromMilliseconds(2));
        harness.Until(() => peer.IsEnded);
        Assert.Equal(ErrorCode.Timeout, Assert.Single(peer.Frames).Ending().Code);
    }

    [Fact]
    public void ShouldTimeOutAHandshakeThatTrickles()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Connect();
        byte[] hello = Frames.Hello();
        for (int i = 0; i < 10; i++)
        {
            peer.Send(hello.AsSpan(i, 1));
            harness.Clock.Advance(TimeSpan.FromMilliseconds(harness.Core.Limits.HandshakeTimeoutMs / 8));
            harness.Steps(5);
        }

        harness.Until(() => peer.IsEnded);
        Assert.Equal(ErrorCode.Timeout, peer.Frames[0].Ending().Code);
    }

    [Fact]
    public void ShouldRefuseSessionsOverTheLimit()
    {
        using ServerHarness harness = new(new BrokerLimits { MaxSessions = 2 });
        TestPeer first = harness.Open();
        harness.Open();
        TestPeer third = harness.Connect();
        third.SendHello();
        harness.Until(() => third.IsEnded);
        Assert.Equal(ErrorCode.LimitReached, Assert.Single(third.Frames).Ending().Code);

        first.SendClose();
        harness.Until(() => first.IsEnded);
        harness.Open();
    }

    [Fact]
    public void ShouldWelcomeByteByByte()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Connect();
        foreach (byte one in Frames.Hello())
        {
            peer.Send([one]);
            harness.Step();
        }

        harness.Until(() => peer.Count(FrameType.Welcome) == 1);
    }
}
