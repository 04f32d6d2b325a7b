using System.Text.Json;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>docs/protocol-vectors.json, read once.</summary>
internal static class ProtocolVectors
{
    internal sealed record Frame(string Name, FrameType Type, string Sender, byte[] Bytes, Dictionary<string, string> Fields, byte[] Content);

    internal sealed record Malformed(
        string Name, FrameReceiver Receiver, bool Opening, bool Compression, byte[] Bytes, int Code, bool CostsConnection, uint Request, string Sentence);

    private static readonly JsonElement Document =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "protocol-vectors.json"))).RootElement;

    internal static readonly int MaxFrameLength = Document.GetProperty("limits").GetProperty("maxFrameLength").GetInt32();

    internal static readonly Frame[] Frames = [.. Document.GetProperty("frames").EnumerateArray().Select(ReadFrame)];

    internal static readonly Malformed[] MalformedFrames = [.. Document.GetProperty("malformed").EnumerateArray().Select(ReadMalformed)];

    /// <summary>The worked session of docs/protocol.md.</summary>
    internal static readonly (string Sender, Frame Frame)[] Session =
    [
        .. Document.GetProperty("session").EnumerateArray()
            .Select(step => (step.GetProperty("sender").GetString()!, Get(step.GetProperty("frame").GetString()!))),
    ];

    internal static Frame Get(string name) => Frames.Single(frame => frame.Name == name);

    internal static bool IsFor(this Frame frame, FrameReceiver receiver) =>
        frame.Sender == "both" || frame.Sender == (receiver == FrameReceiver.Server ? "client" : "server");

    /// <summary>The frame that opens a connection.</summary>
    internal static byte[] Opening(FrameReceiver receiver) => Get(receiver == FrameReceiver.Server ? "hello" : "welcome").Bytes;

    private static Frame ReadFrame(JsonElement frame) => new(
        frame.GetProperty("name").GetString()!,
        Enum.Parse<FrameType>(frame.GetProperty("type").GetString()!),
        frame.GetProperty("sender").GetString()!,
        Convert.FromHexString(frame.GetProperty("hex").GetString()!),
        frame.GetProperty("fields").EnumerateObject().ToDictionary(field => field.Name, field => field.Value.ToString()),
        frame.TryGetProperty("content", out JsonElement content) ? Convert.FromHexString(content.GetString()!) : []);

    private static Malformed ReadMalformed(JsonElement frame) => new(
        frame.GetProperty("name").GetString()!,
        frame.GetProperty("receiver").GetString() == "server" ? FrameReceiver.Server : FrameReceiver.Client,
        frame.TryGetProperty("opening", out JsonElement opening) && opening.GetBoolean(),
        frame.TryGetProperty("compression", out JsonElement compression) && compression.GetBoolean(),
        Convert.FromHexString(frame.GetProperty("hex").GetString()!),
        frame.GetProperty("code").GetInt32(),
        frame.GetProperty("costs").GetString() == "connection",
        frame.TryGetProperty("request", out JsonElement request) ? request.GetUInt32() : 0,
        frame.GetProperty("sentence").GetString()!);
}
