using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>Requests and answers that tests play the other side with.</summary>
internal static class TestFrames
{
    internal static int WriteDeclareQueue(byte[] buffer, uint request, QueueFlags flags, ulong maxLength, ReadOnlySpan<byte> queue)
    {
        var table = new FieldTableWriter();
        if (maxLength != 0)
            table.Add("x-max-length", (long)maxLength);
        byte[] parts = [.. String(queue), (byte)table.Entries.Length, 0, .. table.Entries];
        return FrameWriter.Write(buffer, FrameType.DeclareQueue, new RequestCommand { Request = request, Flags = (uint)flags }, parts);
    }

    internal static int WriteSubscribe(byte[] buffer, uint request, uint credit, ulong creditBytes, ReadOnlySpan<byte> queue, SubscribeFlags flags = 0) =>
        FrameWriter.Write(
            buffer, FrameType.Subscribe,
            new SubscribeCommand { Request = request, CreditMessages = credit, CreditBytes = creditBytes, Flags = (uint)flags }, [.. String(queue), 0]);

    internal static int WriteOpenPublication(
        byte[] buffer, uint request, uint window, DurabilityLevel level, PublicationFlags flags, ReadOnlySpan<byte> publisher, ReadOnlySpan<byte> exchange,
        ReadOnlySpan<byte> routingKey) => FrameWriter.Write(
        buffer, FrameType.OpenPublication,
        new OpenPublicationCommand { Request = request, Window = window, Level = (byte)level, Flags = (byte)flags },
        [.. String(publisher), .. String(exchange), .. String(routingKey)]);

    internal static int WritePublicationOpened(byte[] buffer, uint request, uint publication, uint window, ulong lastSequence) => FrameWriter.Write(
        buffer, FrameType.PublicationOpened,
        new PublicationOpenedEvent { Request = request, Publication = publication, Window = window, LastSequence = lastSequence });

    internal static int WriteSubscribed(byte[] buffer, uint request, uint subscription, string queue = "q") =>
        FrameWriter.Write(
            buffer, FrameType.Subscribed, new SubscribedEvent { Request = request, Subscription = subscription }, String(System.Text.Encoding.UTF8.GetBytes(queue)));

    internal static int WriteQueueDeclared(byte[] buffer, uint request, uint consumers, ulong ready, string queue = "q") => FrameWriter.Write(
        buffer, FrameType.QueueDeclared, new QueueDeclaredEvent { Request = request, Consumers = consumers, Ready = ready },
        String(System.Text.Encoding.UTF8.GetBytes(queue)));

    internal static int WriteDone(byte[] buffer, uint request, ulong count = 0) =>
        FrameWriter.Write(buffer, FrameType.Done, new DoneEvent { Request = request, Count = count });

    /// <summary>The strings, and tables and texts, of a frame that must be in order.</summary>
    internal static string[] PartsOf(byte[] frame)
    {
        Xunit.Assert.True(FrameParser.TryCheck(frame, out FrameError error), error.ToString());
        FrameShape shape = FrameShape.Of((FrameType)frame[4])!;
        var parts = new FrameParts(frame.AsSpan(shape.FixedLength));
        var texts = new string[shape.Parts.Length];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = System.Text.Encoding.UTF8.GetString(shape.Parts[i] == FramePart.String ? parts.String() : parts.Long());
        return texts;
    }

    private static byte[] String(ReadOnlySpan<byte> value) => [(byte)value.Length, .. value];
}
