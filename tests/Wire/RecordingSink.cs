using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Writes down every frame that it takes, as text, and the first parse error.</summary>
internal sealed class RecordingSink : IFrameSink
{
    internal List<string> Events { get; } = [];

    internal FrameError Error { get; private set; }

    /// <summary>Whole frames taken, padding not included.</summary>
    internal List<byte[]> Frames { get; } = [];

    /// <summary>When set: asked before each frame; false refuses it.</summary>
    internal Func<bool>? Takes { get; init; }

    /// <summary>When set: batches are opened, as on a connection that agreed on them or not; else they are frames like others.</summary>
    internal BatchOpener? Batches { get; init; }

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        Assert.Equal((byte)type, frame[4]);
        if (type == FrameType.Batch && Batches != null)
        {
            RecordingSink inner = this;
            bool isTaken = Batches.Take(frame, ref inner, out FrameError problem);
            if (!problem.IsNone)
                Error = problem;
            return isTaken;
        }

        if (Takes is not null && !Takes())
            return false;

        Dictionary<string, string>? fields = FrameFields.Decode(frame.ToArray(), out FrameError error);
        if (fields is null)
        {
            Error = error;
            Events.Add($"error {error}");
            return !error.CostsConnection;
        }

        Frames.Add(frame.ToArray());
        Events.Add($"{type} {string.Join(' ', fields.Select(field => $"{field.Key}={field.Value}"))}");
        return true;
    }
}
