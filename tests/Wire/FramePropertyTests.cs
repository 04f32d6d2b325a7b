using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>What is written is what is read, for every type of frame and any values.</summary>
public class FramePropertyTests
{
    private static readonly Gen<string> Text = ArbMap.Default.GeneratorFor<string?>()
        .Select(text => new string([.. (text ?? "").Where(c => !char.IsSurrogate(c))]))
        .SelectMany(text => Gen.Elements(text, text + "é", "注文" + text, "😀"));

    public static TheoryData<string> TypeNames => new(Enum.GetNames<FrameType>());

    [Theory, MemberData(nameof(TypeNames))]
    public void ShouldDecodeWhatWasEncoded(string typeName)
    {
        FrameType type = Enum.Parse<FrameType>(typeName);
        // The fields of a type are those of its first vector.
        Dictionary<string, string> example = ProtocolVectors.Frames.First(frame => frame.Type == type).Fields;
        Gen<Dictionary<string, string>> fields = example.Keys.Aggregate(
            Gen.Constant(new Dictionary<string, string>()),
            (sofar, name) => sofar.SelectMany(map => ValueOf(type, name).Select(value => new Dictionary<string, string>(map) { [name] = value })));

        Prop.ForAll(fields.ToArbitrary(), values =>
        {
            byte[] frame = FrameFields.Encode(type, values);
            FrameReceiver receiver = ProtocolVectors.Frames.First(vector => vector.Type == type).IsFor(FrameReceiver.Server)
                ? FrameReceiver.Server
                : FrameReceiver.Client;
            RecordingSink sink = new();
            int consumed = FrameReader.Read(frame, receiver, ProtocolVectors.MaxFrameLength, ref sink, out FrameError error);

            Assert.True(error.IsNone, error.ToString());
            Assert.Equal(frame.Length, consumed);
            Assert.Equal(values, FrameFields.Decode(Assert.Single(sink.Frames), out _));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldCutALongSentenceAtACharacter()
    {
        byte[] buffer = new byte[FrameWriter.MaxControlLength];
        string sentence = string.Concat(Enumerable.Repeat("ab注", 1000));

        int length = FrameWriter.WriteError(buffer, Core.Engine.ErrorCode.FrameError, sentence);

        RecordingSink sink = new();
        Assert.Equal(length, FrameReader.Read(buffer.AsSpan(0, length), FrameReceiver.Client, 4096, ref sink, out _));
        string text = FrameFields.Decode(sink.Frames[0], out _)!["text"];
        Assert.StartsWith(text, sentence, StringComparison.Ordinal);
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(text), FrameLayout.SentTextLength - 3, FrameLayout.SentTextLength);
    }

    [Fact]
    public void ShouldRefuseToWriteWhereThereIsNoRoom()
    {
        Assert.Throws<ArgumentException>(() => FrameWriter.WriteHeartbeat(new byte[7]));
        Assert.Throws<ArgumentException>(() => FrameWriter.WritePublish(new byte[39], 1, 1, 1, [1]));
        Assert.Throws<ArgumentException>(() => FrameWriter.WritePublish(new byte[900], 1, 1, 1, new byte[256], default, default));
        Assert.Throws<ArgumentException>(() => FrameWriter.WritePublish(new byte[90_000], 1, 1, 1, default, new byte[65_536], default));
        Assert.Throws<ArgumentException>(() => FrameWriter.WriteError(new byte[24], Core.Engine.ErrorCode.None, "nine char"));
        Assert.Throws<ArgumentException>(() => FrameWriter.WriteWelcome(new byte[900], default, new byte[256]));
        Assert.Throws<ArgumentException>(() => FrameWriter.WriteBehindHeader(new byte[15], FrameType.Done, new byte[16]));
    }

    private static Gen<string> ValueOf(FrameType type, string name) => name switch
    {
        "flags" => Number(type is FrameType.DeclareQueue or FrameType.Subscribe or FrameType.DeclareExchange ? 15UL : type == FrameType.DeleteQueue ? 3UL
            : type == FrameType.DeclareVirtualHost ? 0UL : 1UL),
        "active" => Number(1),
        "originalLength" => Number(FrameLayout.MaxBatchLength / 8 - 1).Select(value => ((ulong.Parse(value, CultureInfo.InvariantCulture) + 1) * 8).ToString(CultureInfo.InvariantCulture)),
        "priority" => ArbMap.Default.GeneratorFor<int>().Select(value => value.ToString(CultureInfo.InvariantCulture)),
        "redelivered" => Number(1),
        "level" or "kind" => Number(byte.MaxValue),
        // Versions in order.
        "minVersion" => Gen.Constant("1"),
        "version" => Number(ushort.MaxValue).Select(value => value == "0" ? "1" : value),
        "code" or "deliveryCount" => Number(ushort.MaxValue),
        "publishedNs" or "receivedNs" => ArbMap.Default.GeneratorFor<long>().Select(value => value.ToString(CultureInfo.InvariantCulture)),
        "headersHex" or "bodyHex" or "blockHex" or "argumentsHex" => ArbMap.Default.GeneratorFor<byte[]?>().Select(bytes => Convert.ToHexStringLower(bytes ?? [])),
        "clientName" or "virtualHost" or "product" or "publisher" or "key" or "routingKey" or "exchange" or "queue"
            or "conflationKey" or "source" or "destination" => Text.Select(CutToString),
        "text" => Text.Select(CutToString),
        "sequence" or "lastSequence" or "tag" or "queueSequence" or "firstTag" or "lastTag" or "creditBytes" or "bytes" or "maxBytes" or "count"
            or "firstSequence" or "elided" or "ready" or "brokerId" => Number(ulong.MaxValue),
        _ => Number(uint.MaxValue),
    };

    private static Gen<string> Number(ulong max) =>
        Gen.OneOf(Gen.Elements(0UL, 1UL, max, max / 2), ArbMap.Default.GeneratorFor<ulong>())
            .Select(value => (max == ulong.MaxValue ? value : value % (max + 1)).ToString(CultureInfo.InvariantCulture));

    private static string CutToString(string text)
    {
        while (System.Text.Encoding.UTF8.GetByteCount(text) > 255)
            text = text[..^2];
        return text;
    }
}
