using System.Buffers.Binary;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>A broker that sends what it must not: it costs the connection, never the client.</content>
public sealed partial class TcpProtocolTests
{
    public static TheoryData<string, ErrorCode> BrokenFrames => new()
    {
        { "unknown type", ErrorCode.CommandInvalid },
        { "frame of a client", ErrorCode.UnexpectedFrame },
        { "shorter than a header", ErrorCode.FrameError },
        { "two gigabytes", ErrorCode.FrameTooLarge },
        { "padding", ErrorCode.FrameError },
        { "text not UTF-8", ErrorCode.FrameError },
        { "payload overrun", ErrorCode.FrameError },
        { "second welcome", ErrorCode.FrameError },
        { "answer to nothing", ErrorCode.FrameError },
        { "delivery out of turn", ErrorCode.FrameError },
        { "confirm of nothing", ErrorCode.FrameError },
        { "rejection of nothing", ErrorCode.FrameError },
        { "queue for a subscription", ErrorCode.FrameError },
    };

    [Theory]
    [MemberData(nameof(BrokenFrames))]
    public async Task ShouldDropABrokenBrokerAndComeBack(string what, ErrorCode code)
    {
        FakeSession session = await Connect();
        await Subscribe(session, 16, (Subscription sub, in Delivery delivery) => sub.Ack(delivery.Tag));
        await Open(session, handle: 1, window: 4, lastSequence: 0, new PublicationOptions());

        session.Send(Broken(what));

        session.ReadToEnd();
        _broker.AcceptAndWelcome();
        Eventually.True(() => _connection!.State == ConnectionState.Ready, "ready again");
        Assert.Equal(code, Assert.Single(States, seen => seen.State == ConnectionState.Reconnecting).Reason!.Code);
    }

    [Fact]
    public async Task ShouldOutliveAnyBytes()
    {
        const int Sessions = 150;
        int received = 0;
        var random = new Random(20240711);
        FakeSession session = await Connect(new ConnectionOptions { ReconnectDelay = TimeSpan.FromMilliseconds(1), ReconnectDelayMax = TimeSpan.FromMilliseconds(1) });
        Subscription subscription = await Subscribe(session, 100, (Subscription sub, in Delivery delivery) =>
        {
            received += delivery.Body.Length;
            sub.Ack(delivery.Tag);
        });
        byte[][] valid = [Deliveries(1, 3), Broken("answer to nothing"), Broken("confirm of nothing"), Broken("second welcome"), Broken("rejection of nothing"), Broken("text not UTF-8")];

        for (int i = 0; i < Sessions; i++)
        {
            byte[] bytes = valid[random.Next(valid.Length)].Concat(valid[random.Next(valid.Length)]).ToArray();
            for (int change = random.Next(1, 6); change > 0; change--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                session.Send(bytes.AsSpan(0, random.Next(1, bytes.Length + 1)));
            }
            catch (System.Net.Sockets.SocketException)
            {
                // It has hung up already.
            }

            session.Dispose();
            session = _broker.AcceptAndWelcome();
        }

        Eventually.True(() => _connection!.State == ConnectionState.Ready, "ready");
        if (!subscription.IsClosed)
        {
            uint request = RequestOf(session.Read(FrameType.Subscribe));
            session.Send(buffer => TestFrames.WriteSubscribed(buffer, request, 3));
            int until = received;
            session.Send(Deliveries(1, 3));
            Eventually.True(() => received > until, "it still works");
        }
    }

    private static byte[] Broken(string what)
    {
        byte[] buffer = new byte[4096];
        int length;
        switch (what)
        {
            case "unknown type":
                length = FrameWriter.WriteHeartbeat(buffer);
                buffer[4] = 99;
                break;
            case "frame of a client":
                length = FrameWriter.WriteCredit(buffer, 1, 1, 1);
                break;
            case "shorter than a header":
                length = FrameWriter.WriteHeartbeat(buffer);
                BinaryPrimitives.WriteUInt32LittleEndian(buffer, 7);
                break;
            case "two gigabytes":
                length = Deliveries(1, 1).Length;
                Deliveries(1, 1).CopyTo(buffer, 0);
                BinaryPrimitives.WriteUInt32LittleEndian(buffer, 1U << 31);
                break;
            case "padding":
                Deliveries(1, 1).CopyTo(buffer, 0);
                length = Deliveries(1, 1).Length;
                buffer[length - 1] = 1;
                break;
            case "text not UTF-8":
                length = FrameWriter.WriteError(buffer, ErrorCode.InternalError, "????");
                buffer.AsSpan(18, 4).Fill(0xFF);
                break;
            case "payload overrun":
                Deliveries(1, 1).CopyTo(buffer, 0);
                length = Deliveries(1, 1).Length;
                buffer[FrameLayout.DeliverBlock + 20] = 200;
                break;
            case "second welcome":
                length = FrameWriter.WriteWelcome(buffer, FakeSession.DefaultWelcome, "fake"u8);
                break;
            case "answer to nothing":
                length = TestFrames.WriteDone(buffer, 77);
                break;
            case "delivery out of turn":
                return Deliveries(2, 2);
            case "confirm of nothing":
                length = FrameWriter.WriteConfirm(buffer, 1, 1, DurabilityLevel.Disk);
                break;
            case "rejection of nothing":
                length = FrameWriter.WriteRejectedEncoded(buffer, 1, 1, ErrorCode.QueueFull, [1, (byte)'q', 0, 0]);
                break;
            default:
                length = TestFrames.WriteSubscribed(buffer, 50, 3);
                break;
        }

        return buffer[..length];
    }
}
