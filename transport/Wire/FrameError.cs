using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <summary>What is wrong with a frame, and what it costs. No allocation until <see cref="Sentence"/> is asked for.</summary>
internal readonly struct FrameError
{
    private readonly uint _value;
    private readonly uint _limit;

    internal FrameError(FrameFault fault, FrameType type, uint value = 0, uint limit = 0, uint request = 0)
    {
        Fault = fault;
        Type = type;
        Request = request;
        _value = value;
        _limit = limit;
    }

    internal FrameFault Fault { get; }

    /// <summary>Type byte of the frame, known or not.</summary>
    internal FrameType Type { get; }

    /// <summary>The request to answer with <see cref="FrameType.Failed"/>, where <see cref="CostsConnection"/> is false.</summary>
    internal uint Request { get; }

    internal bool IsNone => Fault == FrameFault.None;

    /// <summary>True: send <see cref="FrameType.Error"/> and close. False: send <see cref="FrameType.Failed"/> and go on.</summary>
    internal bool CostsConnection => Fault != FrameFault.NameNotUtf8;

    internal ErrorCode Code => Fault switch
    {
        FrameFault.None => ErrorCode.None,
        FrameFault.NotThisProtocol => ErrorCode.NotThisProtocol,
        FrameFault.UnexpectedFirstFrame or FrameFault.WrongDirection or FrameFault.BatchNotAgreed or FrameFault.BatchNested => ErrorCode.UnexpectedFrame,
        FrameFault.UnknownType => ErrorCode.CommandInvalid,
        FrameFault.LengthOverLimit => ErrorCode.FrameTooLarge,
        FrameFault.BodyOverLimit => ErrorCode.ContentTooLarge,
        FrameFault.NameNotUtf8 or FrameFault.StringNotUtf8 => ErrorCode.InvalidName,
        _ => ErrorCode.FrameError,
    };

    /// <summary>What is wrong and what to do, for the peer and the log. ASCII. Allocates.</summary>
    internal string Sentence => Fault switch
    {
        FrameFault.None => "No error.",
        FrameFault.NotThisProtocol => "The first bytes are not a frame of the LowLatency protocol: check that this port is the one of the peer's native protocol.",
        FrameFault.UnexpectedFirstFrame => $"The first frame is {Name}: a client starts with Hello, a server with Welcome or Error.",
        FrameFault.LengthBelowHeader => $"A frame claims {_value} bytes: the shortest has {_limit}.",
        FrameFault.LengthOverLimit => $"A frame of {_value} bytes is over the limit of {_limit} bytes: send smaller messages or raise the limit.",
        FrameFault.UnknownType => $"Frame type {(byte)Type} does not exist in protocol version {FrameLayout.Version}.",
        FrameFault.WrongDirection => $"{Name} is not a frame that this side accepts.",
        FrameFault.LengthBelowMinimum => $"{Name} of {_value} bytes: it has at least {_limit}.",
        FrameFault.LengthOverMaximum => $"{Name} of {_value} bytes: it has at most {_limit}.",
        FrameFault.HeaderReserved => $"{Name} has flags or extra bits in its header that must be zero.",
        FrameFault.Padding => $"The padding after {Name} of {_value} bytes must be zero.",
        FrameFault.Reserved => $"{Name} has a reserved field that is not zero.",
        FrameFault.UnknownFlags => $"{Name} has flags 0x{_value:x2}: only 0x{_limit:x2} exist.",
        FrameFault.StringOverrun => $"String {_value} of {Name} runs past the end of the frame.",
        FrameFault.TableOverrun => $"The table of {Name} runs past the end of the frame.",
        FrameFault.TextOverrun => $"The text of {Name} runs past the end of the frame.",
        FrameFault.PayloadOverrun => $"Routing key and headers of {Name} have {_value} bytes: the frame has room for {_limit}.",
        FrameFault.TrailingBytes => $"Bytes after the last field of {Name}: {_value}.",
        FrameFault.TextNotUtf8 => $"The text of {Name} is not valid UTF-8.",
        FrameFault.VersionOrder => $"Hello asks for versions {_limit} to {_value}: the lowest is at least 1 and not above the highest.",
        FrameFault.RoutingKeyNotUtf8 => $"The routing key of {Name} is not valid UTF-8.",
        FrameFault.StringNotUtf8 => $"String {_value} of {Name} is not valid UTF-8.",
        FrameFault.BodyOverLimit => $"A body of {_value} bytes is over the limit of {_limit} bytes: send smaller messages or raise the limit.",
        FrameFault.BatchNotAgreed => "A batch on a connection without compression: ask for it in Hello, and send batches when Welcome grants it.",
        FrameFault.BatchLength => $"A batch claims {_value} bytes of frames: a multiple of 8 up to {_limit} is possible.",
        FrameFault.BatchContent => $"The content of a batch is not one LZ4 block of {_value} bytes.",
        FrameFault.BatchCut => "The last frame in a batch is not whole.",
        FrameFault.BatchNested => "A batch in a batch: the frames in it are not batches.",
        FrameFault.NameNotUtf8 => $"String {_value} of {Name} is not valid UTF-8: names are UTF-8 of at most 255 bytes.",
        _ => "A frame is malformed.",
    };

    private string Name => FrameRules.NameOf(Type);

    /// <inheritdoc/>
    public override string ToString() => $"{(int)Code} {Sentence}";
}
