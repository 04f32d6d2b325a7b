namespace LowLatency.Transport.Wire;

/// <summary>Everything that can be wrong with a frame. <see cref="FrameError"/> gives its code and sentence.</summary>
internal enum FrameFault : byte
{
    None = 0,

    // Seen in the first bytes of a connection.
    NotThisProtocol,
    UnexpectedFirstFrame,

    // Seen in the header.
    LengthBelowHeader,
    LengthOverLimit,
    UnknownType,
    WrongDirection,
    LengthBelowMinimum,
    LengthOverMaximum,
    HeaderReserved,

    // Seen when the frame is whole.
    Padding,
    Reserved,
    UnknownFlags,
    StringOverrun,
    TableOverrun,
    TextOverrun,
    PayloadOverrun,
    TrailingBytes,
    TextNotUtf8,
    VersionOrder,
    RoutingKeyNotUtf8,
    StringNotUtf8,
    BodyOverLimit,

    // Batches.
    BatchNotAgreed,
    BatchLength,
    BatchContent,
    BatchCut,
    BatchNested,

    // Costs the request only.
    NameNotUtf8,
}
